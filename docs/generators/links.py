"""Links from pages to files of the repository that are no pages.

On the web pages of a repository they lead to the file; in the manual they download it. Folders are
named only.
"""

from __future__ import annotations

import re
from pathlib import Path

_LINK = re.compile(r"(?<!!)\[(?P<text>[^\]\n]+)\]\((?P<target>(?:\.\./)+[^)\s#]+)\)")


def as_downloads(text: str, page: Path, docs: Path) -> str:
    """A page's text, whose links to files outside the manual are downloads.

    Args:
        text: MyST.
        page: Where it is.
        docs: Folder of the manual.
    """

    def changed(found: re.Match[str]) -> str:
        target = (page.parent / found["target"]).resolve()
        if target.is_relative_to(docs):
            return found[0]
        if target.is_dir():
            return f"`{found['target'].lstrip('./')}`"
        return f"{{download}}`{found['text'].strip('`')} <{found['target']}>`"

    return _LINK.sub(changed, text)


def setup(app) -> None:
    """Change links when Sphinx reads a page."""

    def read(app, name: str, content: list[str]) -> None:
        page = Path(app.env.doc2path(name))
        content[0] = as_downloads(content[0], page, Path(app.srcdir).resolve())

    app.connect("source-read", read)
