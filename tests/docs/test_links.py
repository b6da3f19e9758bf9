"""Links of pages: files and headings are there, addresses have a form, hosts are told.

`make docs` checks links between pages of the docs, `make links` asks other hosts.
"""

import json
import pathlib
import re
import urllib.parse

import pytest

ROOT = pathlib.Path(__file__).parents[2]
# Sphinx does not read these.
TOP = sorted(ROOT.glob("*.md"))
PAGES = [*TOP, *sorted((ROOT / "docs").rglob("*.md"))]
NOTEBOOKS = sorted((ROOT / "docs").rglob("*.ipynb"))
CODE = [*(ROOT / "keras_svae").rglob("*.py")]
# Of a host with a dot: not `http://localhost`, `https://...` or "https://" in code.
ADDRESS = re.compile(r"https?://(?=[\w-]+\.[\w])[^\s<>\"'`)\]\\]+")


def text_of(path: pathlib.Path) -> str:
    """A page, or a notebook's Markdown, without blocks of code."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        chosen = [one["source"] for one in cells if one["cell_type"] == "markdown"]
        text = "\n\n".join("".join(one) for one in chosen)
    return re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)


def headings(path: pathlib.Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and MyST name them."""
    found = re.findall(r"^#+ +(.+)$", text_of(path), re.M)
    kept = [re.sub(r"[^\w\s-]", "", one).strip().lower() for one in found]
    return {one.replace(" ", "-") for one in kept}


@pytest.mark.parametrize("page", TOP, ids=lambda path: path.name)
def test_links_of_the_top_pages_lead_to_files_and_headings(page):
    links = re.findall(r"\]\(([^)\s]+)\)", text_of(page))
    for link in links:
        if re.match(r"https?://", link):
            continue
        name, _, heading = link.partition("#")
        target = (page.parent / name) if name else page
        assert target.exists(), f"{page.name}: {link}"
        if heading:
            assert heading in headings(target), f"{page.name}: {link}"


def test_addresses_are_well_formed():
    found = 0
    for page in [*PAGES, *NOTEBOOKS]:
        for address in ADDRESS.findall(text_of(page)):
            parts = urllib.parse.urlsplit(address.rstrip(".,;:"))
            found += 1
            assert re.fullmatch(r"([\w-]+\.)+[a-z]{2,}", parts.netloc), (page, address)
            assert "//" not in parts.path, (page, address)
    assert found > 5


def test_the_hosts_that_the_package_asks_are_told():
    told = (ROOT / "docs" / "trust.md").read_text(encoding="utf-8")
    hosts = {
        urllib.parse.urlsplit(address).hostname
        for path in CODE
        for address in ADDRESS.findall(path.read_text(encoding="utf-8"))
    }
    assert "github.com" in hosts
    for host in hosts:
        assert f"//{host}/" in told, host
