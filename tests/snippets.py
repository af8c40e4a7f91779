"""Commands and code that README and manual show."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parent.parent
GENERATED = (
    "commands",
    "configuration",
    "exit-codes",
    "python",
    "changes",
    "weights",
    "contributing",
)
_FENCE = re.compile(r"^```(?:\{?([\w-]*)\}?)[^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
_ENDS = {"&", "||", "|", "&&", ">", ";"}


def pages() -> list[Path]:
    """README and all pages of the manual that are written by hand."""
    docs = ROOT / "docs"
    written = [
        path
        for path in sorted(docs.rglob("*.md"))
        if "_build" not in path.parts and path.stem not in GENERATED
    ]
    return [ROOT / "README.md", *written]


def blocks(page: Path, *languages: str) -> list[str]:
    """Fenced blocks of some languages."""
    return [text for language, text in _FENCE.findall(page.read_text()) if language in languages]


def commands(text: str) -> list[list[str]]:
    """Commands of a shell snippet as lists of words, without comments and what follows a pipe."""
    found = []
    for line in text.replace("\\\n", " ").splitlines():
        line = re.sub(r"\$\{\w+:-(\w+)\}", r"\1", line.strip())
        if not line or line.startswith("#"):
            continue
        try:
            words = shlex.split(line, comments=True)
        except ValueError:  # a sentence with an apostrophe
            continue
        cut = next((at for at, word in enumerate(words) if word in _ENDS), len(words))
        found.append(words[:cut])
    return found


def shown_commands(page: Path) -> list[list[str]]:
    """All commands of `cleartract` in blocks of a page, fenced or indented."""
    text = page.read_text()
    fenced = [block for _, block in _FENCE.findall(text)]
    indented = re.findall(r"^ {4}(?:.|\n {4})*", _FENCE.sub("", text), re.MULTILINE)
    dedented = [re.sub(r"^ {4}", "", block, flags=re.MULTILINE) for block in indented]
    return [
        words
        for block in [*fenced, *dedented]
        for words in commands(block)
        if words and words[0] == "cleartract"
    ]
