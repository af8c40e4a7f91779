"""The second pass over a recording: windows through the sampler, blended, handed on at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from cleartract.denoising.frames_around import FramesAround
from cleartract.denoising.gap_skill import drawn_to_interpolation, gap_factor, hidden_trials
from cleartract.denoising.gap_windows import edge_factors, with_gaps_inside
from cleartract.denoising.lasting import with_lasting
from cleartract.denoising.prepared import PreparedRecording
from cleartract.denoising.prepared_window import PreparedWindow
from cleartract.denoising.residual import ResidualPass, ResidualSplit
from cleartract.denoising.settings import DenoiseSettings
from cleartract.denoising.window_loop import DEFAULT_BATCH, WindowLoop, fastest_batch
from cleartract.model.model import Model
from cleartract.recordings.overlap_add import OverlapAdd
from cleartract.recordings.source import FrameSource
from cleartract.recordings.windows import SlidingWindowTransform, Window

Progress = Callable[[int, int], None]
_WORTH_MEASURING = 200  # windows, below which a second of measuring is not won back


@dataclass(frozen=True)
class Piece:
    """Finished frames, in the recording's own unit.

    Attributes:
        first: Number of the first of them [frames].
        frames: (frame, height, width) float32.
        uncertainty: Standard deviation over the samples, likewise, or None for a single sample.
    """

    first: int
    frames: np.ndarray
    uncertainty: np.ndarray | None


class Restoration:
    """A recording on its way through the model.

    Args:
        source: The recording, read a second time.
        prepared: What its survey found.
        model: In evaluation mode.
        settings: How it is denoised.

    Raises:
        WindowError: If windows and steps do not cover the recording.
    """

    def __init__(
        self,
        source: FrameSource,
        prepared: PreparedRecording,
        model: Model,
        settings: DenoiseSettings,
    ):
        self.source, self.prepared, self.model, self.settings = source, prepared, model, settings
        survey = prepared.survey
        cut = SlidingWindowTransform(settings.window_duration, settings.step_duration)
        windows = cut.windows(survey.frames, survey.rate)
        self.windows = with_gaps_inside(windows, survey.lost, survey.frames)
        self.step = cut.step_frames(survey.rate)
        self.batch = settings.batch or DEFAULT_BATCH
        self.seconds, self.made = 0.0, 0  # of the frames made by this run
        self.gap_factor = 1.0
        known = survey.posture is not None and survey.mean is not None
        self.residual = ResidualPass(survey) if known else None
        self._split: ResidualSplit | None = None

    def choose_batch(self) -> None:
        """Measure the fastest batch, where none was asked for and it is worth a second."""
        if self.settings.batch is not None or len(self.windows) < _WORTH_MEASURING:
            return
        around = FramesAround(self.source, self.prepared)
        try:
            self.batch = fastest_batch(
                self.model, self._prepare(around, self.windows[0]), self.settings
            )
        finally:
            around.close()

    def pieces(self, progress: Progress | None = None, first: int = 0) -> Iterator[Piece]:
        """Finished frames, as soon as no later window touches them.

        Windows are grouped into batches from the first one on, wherever this begins: frames do
        not depend on it.

        Args:
            progress: Called with windows done and windows in all.
            first: Frame to begin with [frames].
        """
        started = time.perf_counter()
        survey, windows = self.prepared.survey, self.windows
        touching = (n for n, window in enumerate(windows) if window.first + window.frames > first)
        begin = next(touching) // self.batch * self.batch
        blends = [
            OverlapAdd(survey.frames, survey.size, self.settings.blend, first)
            for _ in range(self.settings.samples)
        ]
        around = FramesAround(self.source, self.prepared)
        loop = WindowLoop(self.model, self.settings, survey.frames, self.batch)
        done, self.gap_factor = begin, self._measured_gap_factor()
        if progress:
            progress(done, len(windows))
        try:
            for batch in loop.run(
                windows[begin:], lambda w: self._prepare(around, w, blends[0].first)
            ):
                for window, samples in batch:
                    seen = survey.observed(window.frame_indices(survey.frames))
                    for blend, restored in zip(blends, samples, strict=True):
                        drawn = drawn_to_interpolation(restored, seen, self.gap_factor)
                        blend.add(drawn, window.first, edge_factors(seen))
                done += len(batch)
                following = windows[done].first if done < len(windows) else survey.frames
                if following > blends[0].first:
                    self.made += following - blends[0].first
                    yield self._piece(around, blends, following)
                self.batch, self.seconds = loop.batch, time.perf_counter() - started
                if progress:
                    progress(done, len(windows))
        finally:
            around.close()

    def _measured_gap_factor(self) -> float:
        """How far gaps depart from interpolation, by hiding frames that are there."""
        trials = hidden_trials(self.windows, self.prepared.survey.lost, self.prepared.survey.frames)
        if not trials:
            return 1.0
        around, shown = FramesAround(self.source, self.prepared), trials[0][1]
        single = self.settings.model_copy(update={"samples": 1})
        loop = WindowLoop(self.model, single, self.prepared.survey.frames, 1)
        try:
            restored = loop.run(
                [window for window, _ in trials], lambda w: self._prepare(around, w, shown=shown)
            )
            return gap_factor(
                (around.normalised(window.frame_indices(self.prepared.survey.frames)), x[0], shown)
                for batch in restored
                for window, x in batch
            )
        finally:
            around.close()

    def seen_before(self, restored: Iterator[np.ndarray]) -> None:
        """Take frames into account that a former run restored, from the first one on."""
        if self.residual is None:
            return
        raw = self.source.chunks()
        held = np.zeros((0, *self.source.size), np.float32)
        for frames in restored:
            while len(held) < len(frames):
                held = np.concatenate([held, next(raw)])
            self.residual.add(held[: len(frames)], frames)
            held = held[len(frames) :]

    def split(self, restored: Callable[[], Iterable[np.ndarray]]) -> ResidualSplit | None:
        """What was removed, once all frames are finished; None of recordings too short for it.

        Args:
            restored: Gives all of them in order, in parts, before anything is given back.
        """
        if self._split is None and self.residual is not None:
            by_posture = self.residual.result()
            if by_posture is not None:
                self._split = with_lasting(by_posture, self.source.chunks(), restored())
        return self._split

    def _prepare(
        self,
        around: FramesAround,
        window: Window,
        unfinished: int | None = None,
        shown: np.ndarray | None = None,
    ) -> PreparedWindow:
        """A window; frames before it and before the first unfinished one are forgotten."""
        numbers = window.frame_indices(self.prepared.survey.frames)
        first = int(numbers.min())
        around.drop_before(first if unfinished is None else min(first, unfinished))
        return self.prepared.window(window, around.normalised(numbers), shown)

    def _piece(self, around: FramesAround, blends: list[OverlapAdd], until: int) -> Piece:
        survey, first = self.prepared.survey, blends[0].first
        drawn = np.stack([blend.take(until) for blend in blends])
        frames = survey.intensity.undo(drawn.mean(0) if len(drawn) > 1 else drawn[0])
        np.clip(frames, min(0.0, survey.minimum), self.source.peak, out=frames)
        raw = around.raw(first, len(frames))
        if survey.borders:
            frames = survey.borders.kept(frames, raw)
        if self.residual is not None:
            self.residual.add(raw, frames)
        uncertainty = None
        if len(drawn) > 1:
            uncertainty = (drawn.std(0, ddof=1) * survey.intensity.scale).astype(np.float32)
        return Piece(first, frames, uncertainty)

    def described(self) -> dict[str, Any]:
        """Every parameter that decides the result, for the sidecar."""
        survey = self.prepared.survey
        return self.settings.model_dump() | {
            "window_frames": self.windows[0].frames,
            "step_frames": self.step,
            "windows": len(self.windows),
            "batch_used": self.batch,
            "audio_used": self.prepared.sound_used,
            "lost_frames": list(survey.lost),
            "gap_factor": round(self.gap_factor, 4),
            "intensity_offset": survey.intensity.offset,
            "intensity_scale": survey.intensity.scale,
            "borders_without_image": survey.borders.described() or None,
            "device": str(self.model.device),
        }

    def timing(self) -> dict[str, float]:
        """How long it took."""
        rate = self.made / max(self.seconds, 1e-9)
        return {"seconds": round(self.seconds, 3), "frames_per_second": round(rate, 2)}
