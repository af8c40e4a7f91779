"""Writing a folder with one file a frame: PNG of 16 bit, or TIFF or .npy of real numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from cleartract.errors import OutputError, RecordingError
from cleartract.recordings.formats import SERIES_SUFFIXES, is_series, stored_at
from cleartract.recordings.image_pages import INSTALL
from cleartract.recordings.series_notes import NAME, SeriesNotes, read_notes

_DEEPEST = 65535
_Save = Callable[[Path, np.ndarray], None]


class SeriesWriter:
    """Frames as numbered files from 0 on, with the rate and the unit in `series.json`.

    PNG has whole levels of 16 bit: frames of 8 bit are spread over them (times 257), those of 16 bit
    keep their numbers, other units are spread over the given span. TIFF and .npy keep float32.

    Args:
        folder: Where they are written; it is there.
        target: As the result is named, `FOLDER/%05d.png`; `.png`, `.tif`, `.tiff` or `.npy`.
        notes: Rate and peak of the recording.
        span: (least, most) value that a PNG can hold, in the recording's unit; others are clipped.

    Raises:
        OutputError: If the library tifffile is not installed.
    """

    def __init__(self, folder: Path, target: Path, notes: SeriesNotes, span: tuple[float, float]):
        self._folder, self._pattern = folder, target.name
        suffix, self._count = target.suffix.lower(), 0
        if suffix == ".png":
            scale = (span[1] - span[0]) / _DEEPEST
            notes = SeriesNotes(notes.rate, notes.peak, scale, span[0])
        self.notes = notes
        save: dict[str, _Save] = {".png": self._png, ".npy": _npy}
        self._save: _Save = save.get(suffix) or _tiff(target)

    def write(self, frames: np.ndarray) -> None:
        """Add frames, (frame, height, width)."""
        for frame in np.asarray(frames, np.float32):
            self._save(self._folder / (self._pattern % self._count), frame)
            self._count += 1

    def close(self) -> None:
        """Write the notes, which make the folder a recording."""
        self.notes.write(self._folder)

    def abandon(self) -> None:
        """Let go; files that are there already are the caller's to remove."""

    def _png(self, path: Path, frame: np.ndarray) -> None:
        from PIL import Image

        levels = (frame.astype(np.float64) - self.notes.offset) / self.notes.scale
        Image.fromarray(np.round(levels).clip(0, _DEEPEST).astype(np.uint16)).save(path)


def _npy(path: Path, frame: np.ndarray) -> None:
    with open(path, "wb") as file:  # the library would add a suffix to .NPY
        np.save(file, frame)


def _tiff(target: Path) -> _Save:
    try:
        import tifffile
    except ImportError as error:
        raise OutputError(f"{target}: TIFF needs the library tifffile; {INSTALL}") from error

    def save(path: Path, frame: np.ndarray) -> None:
        tifffile.imwrite(path, frame, photometric="minisblack", metadata=None, software=False)

    return save


def check_folder(target: Path, overwrite: bool) -> None:
    """Refuse a series whose folder holds something that may not be replaced.

    Args:
        target: The result; all is well where it is no series.
        overwrite: Whether a series that ClearTract wrote may be replaced.

    Raises:
        OutputError: In one line.
    """
    folder = stored_at(target)
    if not is_series(target) or not folder.exists():
        return
    if not folder.is_dir():
        raise OutputError(f"{folder}: is a file; choose another -o")
    others = [path for path in folder.iterdir() if path.name != NAME]
    if not others and not (folder / NAME).exists():
        return
    try:
        own = read_notes(folder) is not None
    except RecordingError:
        own = False
    if not own or any(path.suffix.lower() not in SERIES_SUFFIXES for path in others):
        raise OutputError(f"{folder}: holds other files; name a folder that is new")
    if not overwrite:
        raise OutputError(f"{folder}: exists; give --overwrite or another -o")
