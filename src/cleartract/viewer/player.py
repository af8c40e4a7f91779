"""Recordings as a player shows them: files that belong together, and what lies beside them."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from cleartract.errors import RecordingError
from cleartract.recordings.annotation_finder import annotation_for
from cleartract.recordings.array_reader import ArraySource
from cleartract.recordings.formats import VIDEO_SUFFIXES, stem_of
from cleartract.recordings.opening import open_source
from cleartract.recordings.sound import companions_left_out
from cleartract.recordings.source import FirstFrames, FrameSource
from cleartract.recordings.video_reader import VideoSource
from cleartract.viewer.frame_stores import CroppedStore, FrameStore, ReadStore, open_store
from cleartract.viewer.line_file import LineFile, Lines
from cleartract.viewer.measures import measures_for
from cleartract.viewer.shown import OVERLAYS, Plane, Shown

PLANES = ("noisy", "denoised", *OVERLAYS)
_LOOKED_AT = 64  # [frames], from which the first window of grey levels is taken
_PLACES = 4  # they lie at: a scan begins brighter than it goes on
_DARK, _BRIGHT = 0.5, 99.8  # percentiles that become black and white
_TENTH = 10.0  # [%] of the brightest tissue: black and white of a video of the repeating part
_VIDEO_MIDDLE = 127.5  # its grey level where nothing repeats


class Player(Shown):
    """Recordings that are looked at together.

    Args:
        noisy: The recording.
        others: Denoised recording, uncertainty and opinion by their name in `PLANES`.
        audio: A sound file instead of the recording's own sound.
        rate: Frames per second, for kinds of file that hold none.
        pixel_size: [mm]; by default a field of view of 200 mm.
        measures: A table of constriction degrees by `cleartract measure`; by default the one beside
            a recording.
        first: Only so many frames from its beginning, where the others hold no more [frames].
        guess: Finds a first line from frames (frame, height, width) and the size of a pixel [mm].

    Raises:
        RecordingError: If a file cannot be opened, or one does not belong to the recording.
    """

    def __init__(
        self,
        noisy: Path,
        others: dict[str, Path] | None = None,
        audio: Path | None = None,
        rate: Fraction | None = None,
        pixel_size: float | None = None,
        measures: Path | None = None,
        first: int | None = None,
        guess: Callable[[np.ndarray, float], Lines] | None = None,
    ) -> None:
        source = quickly_opened(noisy, audio, rate)
        if first is not None and first < source.count:
            source = FirstFrames(source, first)
        self._guess = guess
        self.path, self.count, self.size = noisy, source.count, source.size
        self.rate, self.provenance = source.rate, source.provenance
        sources: dict[str, tuple[Path, FrameSource]] = {"noisy": (noisy, source)}
        for name in PLANES[1:]:
            if others and name in others:
                sources[name] = (others[name], self._other(name, others[name], rate))
        self.planes: list[Plane] = []
        try:
            for name, (path, opened) in sources.items():
                self.planes.append(_plane(name, path, opened, _unit(source), self.size))
        except BaseException:
            for plane in self.planes:
                plane.store.close()
            raise
        given = {**(others or {}), "noisy": noisy}
        annotation, said = annotation_for([noisy, *(others or {}).values()])
        best = [given[name] for name in ("denoised", "noisy") if name in given]
        table, wrong = measures_for(best, self.count, measures)
        self.lines = LineFile(noisy.resolve().with_name(f"{stem_of(noisy.resolve())}.lines.json"))
        super().__init__(
            noisy.name, self.planes, self.count, self.size, self.rate, source.sound, pixel_size,
            annotation, table, told=[text for text in (said, wrong) if text is not None],
        )  # fmt: skip

    def described(self) -> dict[str, Any]:
        """See `Shown.described`."""
        kept = {
            "lines": self.lines.lines, "linesFile": self.lines.path.name,
            "linesRefused": self.lines.refused,
            "warnings": [*self.provenance.get("warnings", []), *self._told],
        }  # fmt: skip
        return {**super().described(), **kept}

    def guessed(self) -> Lines:
        """See `Shown.guessed`.

        Raises:
            NotYetError: If frames to look at are not read yet.
        """
        if self._guess is None or self.lines.lines:
            return {}
        plane = next((p for p in self.planes if p.name == "denoised"), self.planes[0])
        frames = plane.offset + plane.scale * _some(plane.store, self.count).astype(np.float32)
        return self._guess(np.nan_to_num(frames), self.pixel_size)

    def _other(self, name: str, path: Path, rate: Fraction | None) -> FrameSource:
        with companions_left_out():
            if name == "uncertainty" and path.suffix.lower() == ".npz":
                source: FrameSource = ArraySource(path, uncertainty=True)
            else:
                source = quickly_opened(path, None, rate)
        even = (self.size[0] + self.size[0] % 2, self.size[1] + self.size[1] % 2)
        fits = source.size == self.size or (source.size == even and isinstance(source, VideoSource))
        if not fits or source.count != self.count:
            here, there = (
                f"{of.count} frames of {of.size[1]}x{of.size[0]} pixels" for of in (source, self)
            )
            raise RecordingError(
                f"{path}: holds {here}, {self.path.name} {there}; give the one made from it"
            )
        return source


def quickly_opened(path: Path, audio: Path | None, rate: Fraction | None) -> FrameSource:
    """As `open_source`, without reading long videos from end to end."""
    if path.is_file() and path.suffix.lower() in VIDEO_SUFFIXES and rate is None:
        return VideoSource(path, audio, quick=True)
    return open_source(path, audio, rate)


def _unit(source: FrameSource) -> str:
    return "grey levels" if source.peak is not None else "intensity"


def _some(store: FrameStore, count: int) -> np.ndarray:
    """Frames from all over a recording, or the first ones where later ones must be waited for."""
    if isinstance(store, ReadStore) or count <= _LOOKED_AT:
        return store.frames(0, min(_LOOKED_AT, count))
    each = _LOOKED_AT // _PLACES
    starts = np.linspace(0, count - each, _PLACES + 1).astype(int)[1:]
    return np.concatenate([store.frames(int(start), each) for start in starts])


def _plane(name: str, path: Path, source: FrameSource, unit: str, size: tuple[int, int]) -> Plane:
    store = open_store(source)
    if source.size != size:
        store = CroppedStore(store, size)  # H.264 holds even sizes only
    looked_at = _some(store, source.count)
    offset, scale = 0.0, 1.0
    if name == "opinion" and source.peak is not None:
        scale = _TENTH / _VIDEO_MIDDLE * 255 / source.peak
        offset, unit = -_TENTH, "% of the brightest tissue"
    values = offset + scale * looked_at[np.isfinite(looked_at)].astype(np.float64)
    if not values.size:
        raise RecordingError(f"{path}: its frames hold no finite values; repair them first")
    low, high = (float(value) for value in np.percentile(values, (_DARK, _BRIGHT)))
    if name == "uncertainty":
        low = 0.0
    elif name == "opinion":
        high = max(abs(low), abs(high))
        low = -high
    if not high > low:
        high = low + 1.0
    return Plane(name, path.name, store, offset, scale, unit, low, high)
