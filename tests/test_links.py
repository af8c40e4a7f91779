"""Links between README, manual and files of the repository lead somewhere."""

from __future__ import annotations

import re
import sys

import pytest

from tests.snippets import ROOT, pages

MORE = [ROOT / name for name in ("CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")]
_LINK = re.compile(r"\]\((?![a-z]+:)([^)\s#]*)(?:#([\w-]+))?\)")


@pytest.fixture(scope="session")
def generated(tmp_path_factory) -> dict[str, str]:
    """Pages that are made when the manual is built, by their path in the repository."""
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        from generators.cards import PAGES as CARDS
        from generators.cards import card_page
        from generators.reference import PAGES
    finally:
        sys.path.remove(str(ROOT / "docs"))
    texts = {f"docs/{name}.md": page() for name, page in PAGES.items()}
    return texts | {f"docs/{name}.md": card_page(name, ROOT / "docs") for name in CARDS}


def anchors(text: str) -> set[str]:
    """Anchors of the headings of a page, as the web pages of a repository and MyST make them."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {heading.replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", [*pages(), *MORE], ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(page, generated):
    for target, anchor in _LINK.findall(page.read_text()):
        place = (page.parent / target).resolve() if target else page
        known = generated.get(str(place.relative_to(ROOT)))
        assert known is not None or place.exists(), f"{target} in {page.name}"
        if anchor and place.suffix == ".md":
            text = place.read_text() if known is None else known
            assert anchor in anchors(text), f"{target}#{anchor} in {page.name}"


def test_generated_pages_lead_to_files(generated):
    for name, text in generated.items():
        for target, _ in _LINK.findall(text):
            place = ((ROOT / name).parent / target).resolve() if target else ROOT / name
            there = place.exists() or str(place.relative_to(ROOT)) in generated
            assert there, f"{target} in {name}"
