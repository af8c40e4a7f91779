"""What a page shows: planes of frames that belong together, their sound, words and measurements."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from cleartract.recordings.annotations import Annotation
from cleartract.recordings.sound import Sound
from cleartract.viewer.frame_stores import FrameStore, MemoryStore
from cleartract.viewer.line_file import Lines
from cleartract.viewer.measures import Measures
from cleartract.viewer.sound_store import PIECE, SoundStore

OVERLAYS = ("uncertainty", "opinion")
FIELD_OF_VIEW = 200.0  # [mm], where nothing else is known
_MOST_TIERS = 6
_CHUNK = 256  # [frames] served together
_LARGEST = 16 << 20  # [bytes] of a chunk; larger frames come in fewer
_LEVELS = 255  # of frames in memory, without zero
_DARK, _BRIGHT = 0.5, 99.8  # percentiles that become black and white


@dataclass(frozen=True)
class Plane:
    """One kind of frames.

    Attributes:
        name: Such as noisy or denoised; those in `OVERLAYS` lie in colour over the others.
        file: Name of the file.
        store: Where the frames come from; value = offset + scale x number.
        offset: See `store`, in `unit`.
        scale: See `store`, in `unit`.
        unit: Of a value.
        low: What is shown darkest at first, in `unit`.
        high: What is shown brightest, in `unit`.
    """

    name: str
    file: str
    store: FrameStore
    offset: float
    scale: float
    unit: str
    low: float
    high: float

    def described(self) -> dict[str, Any]:
        """For the page."""
        kinds = {"|u1": "u1", "<u2": "u2", "<f4": "f4"}
        return {
            "name": self.name, "file": self.file, "kind": kinds[self.store.dtype.str],
            "offset": self.offset, "scale": self.scale, "unit": self.unit,
            "low": self.low, "high": self.high,
        }  # fmt: skip


class Shown:
    """Frames of the same moments that are looked at together; the first plane comes first.

    Args:
        name: Of the recording.
        planes: Two or more of frames can be compared with each other.
        count: Frames of each plane [frames].
        size: (height, width) [pixels].
        rate: Frames per second.
        sound: The sound of the frames, or None.
        pixel_size: [mm]; by default a field of view of 200 mm.
        annotation: What is said when, or None.
        measures: Constriction degrees, or None.
        lines: Across the vocal tract.
        told: Warnings.
    """

    def __init__(
        self,
        name: str,
        planes: list[Plane],
        count: int,
        size: tuple[int, int],
        rate: Fraction,
        sound: Sound | None = None,
        pixel_size: float | None = None,
        annotation: Annotation | None = None,
        measures: Measures | None = None,
        lines: Lines | None = None,
        told: list[str] | None = None,
    ) -> None:
        self.name, self.planes, self.count, self.size, self.rate = name, planes, count, size, rate
        widest = max(plane.store.dtype.itemsize for plane in planes)
        most = max(1, _LARGEST // (widest * size[0] * size[1]))
        self.chunk = min(_CHUNK, 1 << (most.bit_length() - 1))
        self.sound = None if sound is None else SoundStore(sound)
        self.pixel_size = pixel_size or FIELD_OF_VIEW / size[1]
        self.pixel_size_known = pixel_size is not None
        self.annotation, self.measures, self._told = annotation, measures, told or []
        self._lines = lines or {}

    @property
    def chunks(self) -> int:
        """Number of chunks of each plane."""
        return -(-self.count // self.chunk)

    @property
    def pieces(self) -> int:
        """Number of pieces of sound, of ten seconds."""
        return 0 if self.sound is None else -int(-(self.count / self.rate) // PIECE)

    def frames(self, plane: int, chunk: int) -> np.ndarray:
        """A chunk of frames (frame, height, width), the last one shorter.

        Raises:
            IndexError: If there is no such plane or chunk.
        """
        if not (0 <= plane < len(self.planes) and 0 <= chunk < self.chunks):
            raise IndexError(f"no chunk {chunk} of plane {plane}")
        first = chunk * self.chunk
        return self.planes[plane].store.frames(first, min(self.chunk, self.count - first))

    def frame(self, plane: int, number: int) -> np.ndarray:
        """One frame (1, height, width), sooner there than its chunk.

        Raises:
            IndexError: If there is no such plane or frame.
        """
        if not (0 <= plane < len(self.planes) and 0 <= number < self.count):
            raise IndexError(f"no frame {number} of plane {plane}")
        return self.planes[plane].store.frames(number, 1)

    def described(self) -> dict[str, Any]:
        """All that the page needs to know before it asks for frames."""
        sound = None
        if self.sound is not None:
            sound = {
                "rate": self.sound.rate, "piece": PIECE, "pieces": self.pieces,
                "block": self.sound.block, "error": self.sound.error,
            }  # fmt: skip
        return {
            "name": self.name,
            "count": self.count,
            "rate": [self.rate.numerator, self.rate.denominator],
            "size": list(self.size),
            "chunk": self.chunk,
            "planes": [plane.described() for plane in self.planes],
            "sound": sound,
            "tiers": self._tiers(),
            "measures": self._measured(),
            "lines": self._lines,
            "linesFile": "",
            "linesRefused": "",
            "pixelSize": self.pixel_size,
            "pixelSizeKnown": self.pixel_size_known,
            "warnings": self._told,
            "embedded": False,
        }

    def _measured(self) -> dict[str, Any] | None:
        """Names of the lines whose constriction degrees are known."""
        if self.measures is None:
            return None
        told = self.measures
        return {"names": list(told.names), "file": told.path.name, "highest": told.highest}

    def _tiers(self) -> list[dict[str, Any]]:
        """Words and phones, else all tiers of intervals."""
        if self.annotation is None:
            return []
        known = [self.annotation.words, self.annotation.phones]
        shown = [tier for tier in known if tier is not None]
        shown = shown or [tier for tier in self.annotation.tiers if not tier.points]
        return [
            {"name": tier.name, "intervals": [[i.start, i.end, i.label] for i in tier.intervals]}
            for tier in shown[:_MOST_TIERS]
        ]

    def guessed(self) -> Lines:
        """A first line, where none is kept and one was found."""
        return {}

    def close(self) -> None:
        """Let go of the files."""
        for plane in self.planes:
            plane.store.close()
        if self.sound is not None:
            self.sound.close()


def planes_in_memory(versions: dict[str, np.ndarray], unit: str = "intensity") -> list[Plane]:
    """Planes of frames that are in memory, rounded to the same 256 levels.

    Args:
        versions: Frames by their name, (frame, height, width), in one scale; the first decides what
            is black and white. Overlays have levels of their own.
        unit: Of a value.
    """
    frames = [values for name, values in versions.items() if name not in OVERLAYS]
    lowest, highest = min(values.min() for values in frames), max(values.max() for values in frames)
    low, high = (float(value) for value in np.percentile(frames[0], (_DARK, _BRIGHT)))
    planes = []
    for name, values in versions.items():
        ends = (float(lowest), float(highest))
        shown = (low, max(high, low + 1e-6))
        if name in OVERLAYS:
            ends = (0.0, float(values.max()))
            shown = (0.0, max(float(np.percentile(values, _BRIGHT)), 1e-6))
        scale = max((ends[1] - ends[0]) / _LEVELS, 1e-9)
        levels = np.rint((values - ends[0]) / scale).astype(np.uint8)
        planes.append(Plane(name, name, MemoryStore(levels), ends[0], scale, unit, *shown))
    return planes
