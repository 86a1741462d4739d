"""What browsers may keep, and what crosses the wire small."""

from factbook.web.assets import FOLDER, asset


def test_a_file_is_kept_for_good_under_the_address_that_has_its_digest_only(client):
    assert "immutable" in client.get(asset("factbook.css")).headers["cache-control"]
    for stale in ("/ui/static/factbook.css", "/ui/static/factbook.css?v=000000000000"):
        assert client.get(stale).headers["cache-control"] == "no-cache"
    assert client.get("/ui/static/nothing.css?v=0").status_code == 404


def test_files_and_pages_are_packed_for_whoever_takes_that(client):
    for path in (asset("factbook.css"), "/ui/table/shop/main/customer", "/ui/table/shop/main/customer.json"):
        plain, packed = (client.get(path, headers={"accept-encoding": coding}) for coding in ("identity", "gzip"))
        assert "content-encoding" not in plain.headers
        assert packed.headers["content-encoding"] == "gzip"
        assert int(packed.headers["content-length"]) < len(plain.content)


def test_vendored_scripts_have_their_licences_beside_them():
    scripts = {file.name.split("-4")[0].split("-3")[0].split("-6")[0] for file in (FOLDER / "vendor").glob("*.js")}
    assert scripts == {"cytoscape", "cytoscape-dagre", "echarts", "htmx"}
    assert all((FOLDER / "vendor" / f"{name}-LICENSE.txt").stat().st_size > 300 for name in scripts)
