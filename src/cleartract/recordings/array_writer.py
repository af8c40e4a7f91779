"""Writing recordings as .npz, without holding them in memory."""

from __future__ import annotations

import contextlib
import json
import zipfile
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

import numpy as np

from cleartract.recordings.sound import Sound


class ArrayWriter:
    """A .npz whose frames are written as they come; the same content gives the same bytes.

    Args:
        path: Target.
        shape: (frame, height, width) of the whole.
        rate: Frames per second, exact.
        sound: Its sound, and how many samples it has, or None.
        others: Further arrays, and texts.
    """

    def __init__(
        self,
        path: Path,
        shape: tuple[int, int, int],
        rate: Fraction,
        sound: tuple[Sound, int] | None = None,
        others: dict[str, Any] | None = None,
    ):
        self._file = open(path, "wb")  # noqa: SIM115
        self._archive = zipfile.ZipFile(self._file, "w", allowZip64=True)
        self._sound = sound
        self._others = {"rate": np.array([rate.numerator, rate.denominator]), **(others or {})}
        self._frames = _open_member(self._archive, "frames", shape)

    def write(self, frames: np.ndarray) -> None:
        """Add frames, (frame, height, width)."""
        self._frames.write(np.ascontiguousarray(frames, np.float32).tobytes())

    def close(self) -> None:
        """Write sound and the other arrays, and finish the file."""
        self._frames.close()
        if self._sound is not None:
            sound, samples = self._sound
            with _open_member(self._archive, "audio", (samples,)) as member:
                for block in sound.blocks():
                    member.write(np.ascontiguousarray(block, np.float32).tobytes())
            self._others["sample_rate"] = np.array(sound.rate)
        for name, value in self._others.items():
            with self._archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                array = (
                    np.array(json.dumps(value)) if isinstance(value, dict) else np.asarray(value)
                )
                np.lib.format.write_array(member, array, allow_pickle=False)
        self._archive.close()
        self._file.close()

    def abandon(self) -> None:
        """Let go of the file without finishing it, on a full disk too."""
        for part in (self._frames, self._archive, self._file):
            with contextlib.suppress(OSError, ValueError):
                part.close()


def _open_member(archive: zipfile.ZipFile, name: str, shape: tuple[int, ...]) -> IO[bytes]:
    member = archive.open(f"{name}.npy", "w", force_zip64=True)
    described = {"descr": "<f4", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(member, described)
    return member
