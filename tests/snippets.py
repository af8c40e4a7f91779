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


def _shown(page: Path) -> list[list[str]]:
    """All commands that a page shows: in blocks, fenced or indented, and in the text."""
    text = page.read_text()
    fenced = [block for _, block in _FENCE.findall(text)]
    rest = _FENCE.sub("", text)
    indented = re.findall(r"^ {4}(?:.|\n {4})*", rest, re.MULTILINE)
    dedented = [re.sub(r"^ {4}", "", block, flags=re.MULTILINE) for block in indented]
    spans = [span.replace("\n", " ") for span in re.findall(r"`([^`]+)`", rest)]
    return [words for block in [*fenced, *dedented, *spans] for words in commands(block) if words]


def shown_commands(page: Path) -> list[list[str]]:
    """Commands of `cleartract`, by whatever they are started; names of commands alone are left out."""
    found = []
    for words in _shown(page):
        if "cleartract.cli" in words:  # torchrun
            words = words[words.index("cleartract.cli") :]
        if words[0] in ("cleartract", "cleartract.cli") and len(words) > 2:
            found.append(["cleartract", *words[1:]])
    return found


def shown_benchmarks(page: Path) -> list[tuple[str, list[str]]]:
    """Modules of `benchmarks` and the options they are started with, where some are shown."""
    return [
        (words[2], words[3:])
        for words in _shown(page)
        if words[:2] == ["python", "-m"] and words[2].startswith("benchmarks") and words[3:]
    ]
