"""Files of a simulated corpus. No other module uses their names and keys.

`recordingNN.npz` holds both truths (the object, and its fully sampled scan without noise), noisy
reconstructions, the sound and the motor trajectory; `speechNN.npz` holds sound and trajectory only.
"""

from __future__ import annotations

import contextlib
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from tokenize import TokenError
from typing import Any, Literal, Self
from zipfile import BadZipFile, ZipFile

import numpy as np

from cleartract.errors import RecordingError, reason_of
from cleartract.files import atomic, file_name
from cleartract.recordings.recording import Recording
from cleartract.types import exact_rate

FORMAT = 2
_DAMAGED = (
    OSError, ValueError, TypeError, KeyError, TokenError, SyntaxError, ArithmeticError, EOFError,
    RecursionError, BadZipFile, zlib.error,
)  # fmt: skip
RECONSTRUCTIONS = ("view_shared", "cg_sense")
OUTLINES = {
    "upper": slice(0, 34),
    "lower": slice(34, 62),
    "tongue": slice(62, 99),
    "epiglottis": slice(99, 106),
}
"""Which points of `outlines` belong to which outline; in this order they are stored."""

Kind = Literal["recording", "speech"]
"""With frames, or sound and motor trajectory only."""


def simulated_path(folder: Path, speaker: int, index: int, kind: Kind) -> Path:
    """Where a corpus keeps a recording of a speaker, both counted from 0."""
    return folder / f"speaker{speaker:03d}" / f"{kind}{index:02d}.npz"


def kind_of(path: Path) -> Kind | None:
    """Kind of a simulated file by its name; None for all other files."""
    if path.suffix == ".npz":
        if path.name.startswith("recording"):
            return "recording"
        if path.name.startswith("speech"):
            return "speech"
    return None


@dataclass(frozen=True, kw_only=True)
class SimulatedSpeech:
    """Sound of one utterance and the motor trajectory that made it.

    Attributes:
        audio: (sample,) float32.
        sample_rate: Of the sound [Hz].
        tract: Vocal-tract parameters, (state, 19) float32.
        state_rate: States per second [Hz].
        parameters: Everything drawn: split, speaker, seed, phones and so on.
    """

    audio: np.ndarray
    sample_rate: int
    tract: np.ndarray
    state_rate: float
    parameters: dict[str, Any]

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file of a simulated corpus.

        Raises:
            RecordingError: If the file is missing, damaged, of another kind or another format.
        """
        with _opened(path) as (file, parameters):
            return cls(**cls._fields(file), parameters=parameters)

    def save(self, path: Path) -> None:
        """Write the file; it appears whole or not at all.

        Raises:
            OutputError: If the file cannot be written.
        """
        parameters = json.dumps({**self.parameters, "format": FORMAT}, sort_keys=True)
        with atomic(path) as temporary, open(temporary, "wb") as file:
            arrays: dict[str, Any] = self._arrays()
            np.savez(file, **arrays, parameters=np.array(parameters))

    @property
    def split(self) -> str:
        """`train`, `validation` or `test`."""
        return self.parameters["split"]

    @property
    def duration(self) -> float:
        """Length of the sound [s]."""
        return len(self.audio) / self.sample_rate

    @classmethod
    def _fields(cls, file: np.lib.npyio.NpzFile) -> dict[str, Any]:
        return {
            "audio": file["audio"],
            "sample_rate": int(file["sample_rate"]),
            "tract": file["tract"],
            "state_rate": float(file["state_rate"]),
        }

    def _arrays(self) -> dict[str, np.ndarray]:
        return {
            "audio": self.audio,
            "sample_rate": np.array(self.sample_rate),
            "tract": self.tract,
            "state_rate": np.array(self.state_rate),
        }


@dataclass(frozen=True, kw_only=True)
class SimulatedRecording(SimulatedSpeech):
    """Noisy reconstructions with both truths, and the speech that was recorded.

    Attributes:
        clean: The object, band-limited (target `ideal`), (frame, N, N) float16; 1 is the 99.5th
            percentile.
        scans: What scanner and reconstruction show of it with full sampling and without noise
            (target `scan`), magnitude, (frame, N, N) float16, by name of the reconstruction.
        reconstructions: Complex frames in phase with their scan, (frame, 2, N, N) float16, by name.
        rate: Frames per second, exact.
        outlines: Points of `OUTLINES` in every frame, (frame, point, 2) [mm] in the image.
    """

    clean: np.ndarray
    scans: dict[str, np.ndarray]
    reconstructions: dict[str, np.ndarray]
    rate: Fraction
    outlines: np.ndarray

    def error(self, reconstruction: str, frames: np.ndarray | slice = slice(None)) -> np.ndarray:
        """Complex error of a reconstruction against its scan, (frame, N, N) complex64."""
        parts = self.reconstructions[reconstruction][frames].astype(np.float32)
        return (
            parts[:, 0] - self.scans[reconstruction][frames].astype(np.float32) + 1j * parts[:, 1]
        )

    def noisy(self, reconstruction: str) -> Recording:
        """The recording as a scanner would deliver it: magnitude frames with sound."""
        parts = self.reconstructions[reconstruction].astype(np.float32)
        return self._recording(np.hypot(parts[:, 0], parts[:, 1]), reconstruction)

    def truth(self, reconstruction: str | None = None) -> Recording:
        """The object with the sound; given a reconstruction, its scan instead."""
        if reconstruction is None:
            return self._recording(self.clean.astype(np.float32), "ideal")
        return self._recording(self.scans[reconstruction].astype(np.float32), "scan")

    def _recording(self, frames: np.ndarray, kind: str) -> Recording:
        source = {"path": self.parameters["speaker"], "kind": kind}
        return Recording(frames, self.rate, self.audio, self.sample_rate, provenance=source)

    @classmethod
    def _fields(cls, file: np.lib.npyio.NpzFile) -> dict[str, Any]:
        return super()._fields(file) | {
            "clean": file["clean"],
            "scans": {n: file[f"scan_{n}"] for n in RECONSTRUCTIONS if n in file.files},
            "reconstructions": {n: file[n] for n in RECONSTRUCTIONS if n in file.files},
            "rate": exact_rate(file["rate"]),
            "outlines": file["outlines"],
        }

    def _arrays(self) -> dict[str, np.ndarray]:
        speech = super()._arrays()
        return {
            "clean": self.clean,
            **{f"scan_{name}": frames for name, frames in self.scans.items()},
            **self.reconstructions,
            "audio": speech["audio"],
            "sample_rate": speech["sample_rate"],
            "rate": np.array([self.rate.numerator, self.rate.denominator]),
            "tract": speech["tract"],
            "state_rate": speech["state_rate"],
            "outlines": self.outlines,
        }


@dataclass(frozen=True)
class SimulatedHeader:
    """Properties of a recording that are read without its frames.

    Attributes:
        speaker: Name of the speaker.
        split: `train`, `validation` or `test`.
        frames: Number of frames [frames].
        size: (height, width) [pixels].
        rate: Frames per second, exact.
        reconstructions: Their names.
    """

    speaker: str
    split: str
    frames: int
    size: tuple[int, int]
    rate: Fraction
    reconstructions: tuple[str, ...]

    @classmethod
    def load(cls, path: Path) -> SimulatedHeader:
        """Read the header of a `recordingNN.npz` only; errors as `SimulatedSpeech.load`."""
        with (
            _opened(path) as (file, parameters),
            ZipFile(path) as archive,
            archive.open("clean.npy") as member,
        ):
            np.lib.format.read_magic(member)
            (frames, height, width), _, _ = np.lib.format.read_array_header_1_0(member)
            rate = exact_rate(file["rate"])
            names = tuple(name for name in RECONSTRUCTIONS if name in file.files)
            speaker, split = parameters["speaker"], parameters["split"]
            return cls(speaker, split, frames, (height, width), rate, names)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tuple[np.lib.npyio.NpzFile, dict[str, Any]]]:
    """The arrays of a file, not read yet, and its parameters of a known format."""
    try:
        file = np.load(path, allow_pickle=False)
        if not isinstance(file, np.lib.npyio.NpzFile):
            raise ValueError("it holds a single array")
        with file:
            parameters = json.loads(str(file["parameters"]))
            if not isinstance(parameters, dict):
                raise ValueError("its parameters are not named")
            version = parameters.get("format")
            if version != FORMAT:
                raise RecordingError(
                    f"{path}: format {version}, but this version of cleartract reads format "
                    f"{FORMAT}; simulate it again, or use the version that made it"
                )
            for name in ("speaker", "split"):
                if not isinstance(parameters.get(name), str):
                    raise ValueError(f"its {name} is no text")
            if parameters["speaker"] != file_name(parameters["speaker"]):
                raise ValueError("its speaker has a name that no file can have")
            yield file, parameters
    except _DAMAGED as error:
        raise RecordingError(
            f"{path}: not a simulated recording ({reason_of(error)}); simulate it again or remove it"
        ) from error
