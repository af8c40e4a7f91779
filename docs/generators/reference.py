"""Write the generated pages before Sphinx reads the sources."""

from __future__ import annotations

from pathlib import Path

from generators.cards import PAGES as CARDS
from generators.cards import card_page
from generators.commands import command_page, exit_code_page
from generators.configuration import configuration_page
from generators.python import python_page

PAGES = {
    "reference/commands": command_page,
    "reference/configuration": configuration_page,
    "reference/exit-codes": exit_code_page,
    "reference/python": python_page,
}


def write_pages(docs: Path) -> None:
    """Write all pages into the folder of the manual, leaving alone those that are up to date."""
    texts = {name: page() for name, page in PAGES.items()}
    texts |= {name: card_page(name, docs) for name in CARDS}
    for name, text in texts.items():
        path = docs / f"{name}.md"
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def setup(app) -> None:
    """Write the pages when a build begins."""
    write_pages(Path(app.srcdir))
