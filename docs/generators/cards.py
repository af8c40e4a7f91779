"""Pages made from Markdown files of the repository that lie outside the manual."""

from __future__ import annotations

import os
import re
from pathlib import Path

_LINK = re.compile(r"(!?\[[^\]\n]*\]\()(?![a-z]+:|#)([^)\s#]+)(#[^)\s]*)?\)")

PAGES = {
    "contributing": ("", ["CONTRIBUTING.md"]),
    "explanation/changes": ("", ["CHANGELOG.md"]),
    "explanation/weights": (
        "# How the shipped weights were made\n\n",
        ["src/cleartract/weights/small.md", "src/cleartract/weights/base.md"],
    ),
}
"""Page, its title where it needs one, and the files it shows."""


def card_page(page: str, docs: Path) -> str:
    """A page with the text of its files, whose links lead to the same places."""
    title, files = PAGES[page]
    target, parts = docs / f"{page}.md", []
    shown = {(docs.parent / name).resolve() for name in files}
    for name in files:
        source = (docs.parent / name).resolve()
        text = relinked(source.read_text(), source, target, shown)
        parts.append(re.sub(r"^(#+ )", r"#\1", text, flags=re.MULTILINE) if title else text)
    return title + "\n\n".join(parts)


def relinked(text: str, source: Path, target: Path, shown: set[Path]) -> str:
    """Markdown of one file with its relative links as another file has to write them.

    Args:
        text: Of the file `source`.
        source: Where its links start.
        target: Where they start afterwards.
        shown: Files whose text is part of the page: links to them are dropped.
    """

    def changed(found: re.Match[str]) -> str:
        place = (source.parent / found[2]).resolve()
        if place in shown:
            return found[1].lstrip("![").removesuffix("](")
        path = os.path.relpath(place, target.parent.resolve())
        return f"{found[1]}{path}{found[3] or ''})"

    return _LINK.sub(changed, text)
