"""The player as one file that opens offline: page, frames and sound inside it."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable, Iterator
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from cleartract.errors import OutputError
from cleartract.files import atomic
from cleartract.viewer.frame_stores import NotYetError
from cleartract.viewer.shown import Shown
from cleartract.viewer.sound_store import PIECE, SoundStore

LARGEST = 200_000_000  # [bytes]
_ORDER = (
    "source.js", "state.js", "clock.js", "colours.js", "fourier.js", "profile.js", "picture.js",
    "stage.js", "rows.js", "tracks.js", "gif.js", "saving.js", "controls.js", "main.js",
)  # fmt: skip
_Read = TypeVar("_Read")
_EXPORT = r"^export (?:async )?(?:function|class|const|let) "
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src blob: data:"
)


def export_page(shown: Shown, target: Path) -> int:
    """Write the page with all frames and the sound.

    Returns:
        Its size [bytes].

    Raises:
        OutputError: If it would be larger than 200 MB, or cannot be written.
    """
    expected = page_size(shown)
    if expected > LARGEST:
        raise OutputError(
            f"{target}: would be {expected / 1e6:.0f} MB, more than {LARGEST // 10**6}; cut the "
            "recording, give fewer planes, or leave out --export"
        )
    with atomic(target) as temporary:
        write_page(shown, temporary)
    return target.stat().st_size


def page_size(shown: Shown) -> int:
    """About how large its page is [bytes]."""
    height, width = shown.size
    numbers = sum(plane.store.dtype.itemsize for plane in shown.planes)
    sound = 0 if shown.sound is None else 2 * shown.sound.rate * PIECE * shown.pieces
    return (shown.count * height * width * numbers + sound) * 4 // 3


def write_page(shown: Shown, file: Path) -> None:
    """Write the page, whatever its size."""
    with open(file, "w", encoding="utf-8") as written:
        for part in _parts(shown):
            written.write(part)


def _parts(shown: Shown) -> Iterator[str]:
    described = {**shown.described(), "embedded": True}
    folder = resources.files("cleartract.viewer") / "static"
    page = (folder / "index.html").read_text("utf-8")
    style = (folder / "style.css").read_text("utf-8")
    head, body = page.split("</head>")
    head = re.sub(r"\s*<(link|script)[^>]*>(</script>)?", "", head)
    policy = f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    head = head.replace("<meta charset", f"{policy}\n  <meta charset", 1)
    head = re.sub(r"<title>.*?</title>", f"<title>{escape(shown.name)}</title>", head)
    yield f"{head}<style>\n{style}</style>\n</head>"
    yield body.split("</body>")[0]
    yield _held("info", json.dumps(described))
    yield _held("guess", json.dumps(_waiting(shown.guessed)))
    for number in range(len(shown.planes)):
        for chunk in range(shown.chunks):
            frames = _waiting(shown.frames, number, chunk)
            yield _held(f"frames-{number}-{chunk}", _text(frames))
    if shown.sound is not None:
        stored = shown.sound
        for number in range(shown.pieces):
            samples = _waiting(_piece, stored, number)
            yield _held(f"sound-{number}", _text(samples))
        yield _held("outline", _text(stored.outline()[0]))
    if shown.measures is not None:
        for number, degrees in enumerate(shown.measures.degrees):
            yield _held(f"measures-{number}", _text(degrees))
    yield f'<script type="module">\n{joined_modules()}\n</script>\n</body>\n</html>\n'


def joined_modules() -> str:
    """The page's modules as one, because files cannot import each other without a server.

    Each becomes a function that returns what it exports.
    """
    folder = resources.files("cleartract.viewer") / "static"
    parts = ["const modules = {};"]
    for name in _ORDER:
        text = (folder / name).read_text("utf-8")
        exported = re.findall(_EXPORT + r"(\w+)", text, flags=re.MULTILINE)
        text = re.sub(
            r'^import (\{[^}]*\}) from ("[^"]*");', r"const \1 = modules[\2];", text, flags=re.M
        )
        text = re.sub(r"^export ", "", text, flags=re.MULTILINE)
        parts.append(
            f'modules["./{name}"] = (() => {{\n{text}\nreturn {{ {", ".join(exported)} }};\n}})();'
        )
    return "\n".join(parts)


def _held(name: str, text: str) -> str:
    """Text inside the page that no browser runs; `<` cannot end it."""
    safe = text.replace("<", "\\u003c")
    return f'<script type="text/plain" id="held-{name}">{safe}</script>\n'


def _text(numbers: np.ndarray) -> str:
    return base64.b64encode(numbers.tobytes()).decode()


def _piece(sound: SoundStore, number: int) -> np.ndarray:
    samples = sound.piece(number)
    if samples is None:
        raise NotYetError(0)
    return samples


def _waiting(read: Callable[..., _Read], *arguments: Any) -> _Read:
    """What `read` gives, asked again until it is there."""
    while True:
        try:
            return read(*arguments)
        except NotYetError:
            time.sleep(0.05)
