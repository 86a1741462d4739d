import os

# Before anybody imports it: DataHub's library would tell its makers of every use.
os.environ["DATAHUB_TELEMETRY_ENABLED"] = "false"
