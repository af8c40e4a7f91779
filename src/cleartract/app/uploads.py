"""A recording that the page hands over: its size is limited, its content is read before it is kept."""

from __future__ import annotations

import os
import secrets
import shutil
import unicodedata
from collections.abc import AsyncIterator
from pathlib import Path

from cleartract.errors import OutputError, RecordingError
from cleartract.files import naming
from cleartract.recordings.formats import FOLDER, READERS, output_suffix
from cleartract.recordings.opening import open_source
from cleartract.recordings.sound import companions_left_out

_SPARE = 1_000_000_000  # [bytes] that must stay free
_LONGEST = 120  # [bytes] of a name, without its suffix: results add to it


class Upload:
    """A file on its way into a folder, under a hidden name until it is known to be a recording.

    Args:
        folder: Of uploads; made where it is missing.
        name: As the page calls it; only its letters and its suffix are used.
        size: That it is going to have [bytes].

    Raises:
        RecordingError: If it is of a kind that is not read.
        OutputError: If the folder cannot be written, or has no room for it.
    """

    def __init__(self, folder: Path, name: str, size: int) -> None:
        plain = _plain(name)
        suffix = output_suffix(Path(plain))
        if suffix not in READERS or suffix == FOLDER:
            kinds = ", ".join(kind for kind in READERS if kind != FOLDER)
            raise RecordingError(f"{plain}: of a kind that is not read; give {kinds}")
        self.folder, self.size, self.suffix = folder, size, suffix
        stem = plain[: len(plain) - len(suffix)].encode()[:_LONGEST].decode(errors="ignore")
        self.stem = stem.strip("._") or "recording"
        with naming(folder):
            folder.mkdir(parents=True, exist_ok=True)
            if shutil.disk_usage(folder).free < size + _SPARE:
                raise OutputError(f"{folder}: the disk has no room for {plain}")
        self._hidden = folder / f".{secrets.token_hex(8)}{suffix}"

    async def receive(self, content: AsyncIterator[bytes]) -> None:
        """Take the content.

        Raises:
            RecordingError: If it is longer or shorter than was said.
        """
        received = 0
        try:
            with open(self._hidden, "xb") as file:
                async for part in content:
                    received += len(part)
                    if received > self.size:
                        break
                    file.write(part)
            if received != self.size:
                raise RecordingError(f"{self.stem}{self.suffix}: came only in part; try again")
        except BaseException:
            self._hidden.unlink(missing_ok=True)
            raise

    def keep(self) -> Path:
        """Give it its name, once its content has been looked at.

        Raises:
            RecordingError: If no reader takes it.
        """
        try:
            with companions_left_out():
                open_source(self._hidden)
        except RecordingError as error:
            if not _lacks_only_a_rate(error):
                self._hidden.unlink(missing_ok=True)
                named = f"{self.stem}{self.suffix}"
                raise RecordingError(str(error).replace(str(self._hidden), named)) from error
        number = 1
        while True:
            extra = "" if number == 1 else f"_{number}"
            target = self.folder / f"{self.stem}{extra}{self.suffix}"
            try:
                os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
            except FileExistsError:
                number += 1
                continue
            os.replace(self._hidden, target)
            return target


def _plain(name: str) -> str:
    """Letters and digits of any script, with `.`, `_` and `-`; anything else becomes `_`."""
    kept = [
        letter if letter in "._-" or unicodedata.category(letter)[0] in "LMN" else " "
        for letter in unicodedata.normalize("NFC", name)
    ]
    return "_".join("".join(kept).split()).lstrip(".") or "_"


def _lacks_only_a_rate(error: RecordingError) -> bool:
    """Whether the recording is fine, but its frame rate must be told in the form."""
    return "give --rate" in str(error)
