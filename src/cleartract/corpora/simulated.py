"""Recordings of a simulated corpus: noisy reconstructions with their clean truth."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from cleartract.errors import RecordingError
from cleartract.recordings.recording import Recording
from cleartract.types import exact_rate

RECONSTRUCTIONS = ("view_shared", "cg_sense")


@dataclass(frozen=True)
class SimulatedRecording:
    """One file of a simulated corpus.

    Attributes:
        clean: True frames, (frame, N, N) float16, 1 is the 99.5th percentile.
        reconstructions: Complex frames in phase with `clean`, (frame, 2, N, N) float16, by name.
        rate: Frames per second, exact.
        audio: (sample,) float32.
        sample_rate: Of the sound [Hz].
        outlines: Outline points of every frame, (frame, 106, 2) [mm] in the image.
        parameters: Everything drawn: split, speaker, protocol, noise level, seed and so on.
    """

    clean: np.ndarray
    reconstructions: dict[str, np.ndarray]
    rate: Fraction
    audio: np.ndarray
    sample_rate: int
    outlines: np.ndarray
    parameters: dict[str, Any]

    @classmethod
    def load(cls, path: Path) -> SimulatedRecording:
        """Read one `recordingNN.npz`.

        Raises:
            RecordingError: If the file is not a simulated recording.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                return cls(
                    clean=file["clean"],
                    reconstructions={n: file[n] for n in RECONSTRUCTIONS if n in file.files},
                    rate=exact_rate(file["rate"]),
                    audio=file["audio"],
                    sample_rate=int(file["sample_rate"]),
                    outlines=file["outlines"],
                    parameters=json.loads(str(file["parameters"])),
                )
        except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error) as error:
            raise RecordingError(
                f"{path}: not a simulated recording ({error}); simulate it again"
            ) from error

    def error(self, reconstruction: str, frames: np.ndarray | slice = slice(None)) -> np.ndarray:
        """Complex error of a reconstruction against the truth, (frame, N, N) complex64."""
        parts = self.reconstructions[reconstruction][frames].astype(np.float32)
        return parts[:, 0] - self.clean[frames].astype(np.float32) + 1j * parts[:, 1]

    def noisy(self, reconstruction: str) -> Recording:
        """The recording as a scanner would deliver it: magnitude frames with sound."""
        parts = self.reconstructions[reconstruction].astype(np.float32)
        return self._recording(np.hypot(parts[:, 0], parts[:, 1]), reconstruction)

    def truth(self) -> Recording:
        """The clean frames with the sound."""
        return self._recording(self.clean.astype(np.float32), "clean")

    def _recording(self, frames: np.ndarray, kind: str) -> Recording:
        source = {"path": self.parameters["speaker"], "kind": kind}
        return Recording(frames, self.rate, self.audio, self.sample_rate, provenance=source)
