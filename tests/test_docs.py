"""The site of docs/: built strictly, every link leads somewhere, nothing is asked of the net."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest

from tapeline import api
from tapeline.closure import ROOT
from tests.browser import Browser, find_browser

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("docs")]  # one site that all of them look at
LOADED = {"img": "src", "script": "src", "link": "href", "source": "src", "iframe": "src", "video": "src"}


class Page(HTMLParser):
    """What a page loads, where it leads, and the anchors it has."""

    def __init__(self):
        super().__init__()
        self.loads, self.leads, self.anchors = [], [], set()

    def handle_starttag(self, tag, attrs):
        """Note the addresses of one element."""
        given = dict(attrs)
        if given.get("id"):
            self.anchors.add(given["id"])
        if tag == "link" and given.get("rel") in ("canonical", "next", "prev"):
            return
        if LOADED.get(tag) in given:
            self.loads.append(given[LOADED[tag]])
        if tag == "a" and given.get("href"):
            self.leads.append(given["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Folder of the site, built as `make docs` builds it, and what was said."""
    folder = tmp_path_factory.mktemp("docs") / "site"
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1", "NO_COLOR": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder, done.stdout + done.stderr


@pytest.fixture(scope="module")
def pages(site):
    """What each HTML page of the site loads, and where it leads; 404.html is for a server, at its root."""
    found = {}
    for path in site[0].glob("**/*.html"):
        if path.name == "404.html":
            continue
        found[path] = Page()
        found[path].feed(path.read_text(encoding="utf-8"))
    return found


def test_it_is_built_without_a_warning(site):
    """Strictly: a page that is not in the contents, a link or an anchor that leads nowhere would be one."""
    assert "WARNING" not in site[1].upper()


def test_every_page_is_there(pages, site):
    """Each Markdown file has its own."""
    names = {path.stem for path in (ROOT / "docs").glob("*.md")}
    assert names <= {path.stem for path in pages}
    assert "candles" in (site[0] / "search/search_index.js").read_text()


def test_nothing_is_loaded_from_elsewhere(pages, site):
    """Scripts, styles, fonts and pictures lie in the folder."""
    for path, page in pages.items():
        for address in page.loads:
            parts = urlsplit(address)
            assert (parts.scheme, parts.netloc) == ("", ""), (path.name, address)
            assert (path.parent / unquote(parts.path)).resolve().is_file(), (path.name, address)
    for style in site[0].glob("**/*.css"):
        assert not re.search(r"url\(['\"]?(https?:)?//", style.read_text()), style.name


def test_every_link_leads_to_a_page_and_an_anchor(pages):
    """Of the site itself; those that leave it are written in full."""
    for path, page in pages.items():
        for address in page.leads:
            parts = urlsplit(address)
            if parts.scheme:
                assert parts.scheme == "https", (path.name, address)
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert target.is_file(), (path.name, address)
            if parts.fragment and target in pages and not parts.fragment.startswith("__"):
                assert unquote(parts.fragment) in pages[target].anchors, (path.name, address)


def test_links_of_the_readme_lead_to_files():
    """Into docs/ and elsewhere."""
    for name in ("README.md", "CONTRIBUTING.md"):
        text = (ROOT / name).read_text()
        for address in re.findall(r"\]\(([^)\s]+)\)", text):
            assert address.startswith("https://") or (ROOT / address).is_file(), (name, address)


def test_pictures_are_small():
    """Below 200 KB each, so that a clone stays quick."""
    sizes = {path.name: path.stat().st_size for path in (ROOT / "docs").rglob("*.png")}
    assert sizes
    assert max(sizes.values()) < 200_000, sizes


def test_every_function_that_is_offered_stands_on_the_page_of_functions(pages):
    """With its docstring."""
    anchors = next(page.anchors for path, page in pages.items() if path.name == "api.html")
    for name, module in api.MODULES.items():
        assert f"tapeline.{module}.{name}" in anchors


@pytest.mark.skipif(find_browser() is None, reason="no Chromium is installed")
def test_a_browser_reads_and_searches_it_without_the_net(site, tmp_path):
    """Opened from disk: no request leaves the folder, none fails, and a word that is typed is found."""
    with Browser(tmp_path / "profile") as browser:
        browser.open(site[0] / "index.html", 1280, 720)
        browser.call("Emulation.setFocusEmulationEnabled", enabled=True)
        browser.run("document.querySelector('[name=query]').focus(), 0")
        browser.run(
            "(() => { const field = document.querySelector('[name=query]'); field.value = 'embargo';"
            " field.dispatchEvent(new Event('keyup', {bubbles: true}));"
            " field.dispatchEvent(new Event('input', {bubbles: true})); return 0 })()"
        )
        found = browser.run(
            "new Promise(done => { const end = Date.now() + 60000; const look = () => {"
            " const items = document.querySelectorAll('.md-search-result__item').length;"
            " if (items || Date.now() > end) done(items); else setTimeout(look, 100) }; look() })"
        )
        assert found
        assert all(address.startswith(("file:", "about:", "data:", "blob:")) for address in browser.requests)
        assert browser.complaints == []
