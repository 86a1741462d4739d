# Factbook's server. Data lives in the volume /data; HOST is 0.0.0.0, so the server refuses to start without API_KEY.
#   docker build -t factbook .
#   docker run -p 8000:8000 -v factbook:/data -e API_KEY=… factbook

FROM python:3.11-slim AS build
WORKDIR /source
COPY requirements.lock ./
RUN python -m venv /opt/factbook \
 && /opt/factbook/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --require-hashes --requirement requirements.lock
COPY LICENSE NOTICE ./
COPY packages packages
# The build backend is in the lock and leaves with pip: the server needs none of them.
RUN /opt/factbook/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation ./packages/sdk ./packages/factbook \
 && /opt/factbook/bin/pip uninstall --yes hatchling editables trove-classifiers tomlkit pathspec pluggy packaging setuptools pip

FROM python:3.11-slim
COPY --from=build /opt/factbook /opt/factbook
RUN useradd --system --uid 10001 --user-group --no-create-home factbook && install --directory --owner factbook --group factbook /data
ENV PATH=/opt/factbook/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOST=0.0.0.0 PORT=8000 DATA_DIR=/data
WORKDIR /data
VOLUME /data
USER factbook
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
  CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.getenv('FACTBOOK_PORT') or os.environ['PORT']}/health\", timeout=4)"]
ENTRYPOINT ["factbook"]
CMD ["serve"]
