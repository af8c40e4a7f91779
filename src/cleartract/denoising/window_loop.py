"""Windows of a recording through the model: the one loop that denoising and generation share."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from cleartract.denoising.prepared_window import PreparedWindow, build_condition
from cleartract.denoising.settings import DenoiseSettings
from cleartract.diffusion.samplers import intervals, sample
from cleartract.errors import WeightsError
from cleartract.model.condition import Condition
from cleartract.model.model import Model
from cleartract.recordings.windows import Window

DEFAULT_BATCH = 1  # windows, where nothing was measured
_CANDIDATES = (1, 2, 4, 8)  # windows tried on a GPU
_REPEATS = 2
_CLEARLY = 1.15  # times faster
_MEASURE = 1.0  # [s]


def frame_noise(
    seed: int, draw: int, step: int, frames: np.ndarray, size: tuple[int, int]
) -> np.ndarray:
    """Standard normal noise that depends on the absolute frame, not on its window.

    Args:
        seed: Seed of the run.
        draw: Which of several samples.
        step: 0 for the start, then one per stochastic step.
        frames: Absolute frame numbers, (frame,).
        size: (height, width) [pixels].

    Returns:
        (frame, height, width) float32.
    """
    keyed = (np.random.default_rng([seed, draw, step, int(f)]) for f in frames)
    return np.stack([rng.standard_normal(size, dtype=np.float32) for rng in keyed])


@torch.inference_mode()
def sample_windows(
    model: Model,
    condition: Condition,
    numbers: Sequence[np.ndarray],
    settings: DenoiseSettings,
    draw: int = 0,
) -> Tensor:
    """Run the sampler on some windows, (window, frame, height, width), normalised intensity.

    Args:
        model: In evaluation mode.
        condition: What is known about the windows.
        numbers: Absolute frame numbers of each window, (frame,).
        settings: How.
        draw: Which of several samples.
    """
    noisy = condition.frames.noisy
    size = (noisy.shape[2], noisy.shape[3])

    def noise(step: int) -> Tensor:
        planes = [frame_noise(settings.seed, draw, step, n, size) for n in numbers]
        return torch.from_numpy(np.stack(planes)).to(noisy.device)

    sigmas = model.config.noise.schedule(intervals(settings.sampler, settings.steps))
    denoiser = model.prepared(condition, settings.guidance)
    start = noise(0) * float(sigmas[0])
    return sample(denoiser, start, sigmas, settings.sampler, lambda step: noise(step + 1))


class WindowLoop:
    """Runs windows through the model in batches, in order.

    Args:
        model: In evaluation mode.
        settings: How.
        total: Frames of the recording [frames].
        batch: Windows at a time; halved where memory does not suffice.
    """

    def __init__(self, model: Model, settings: DenoiseSettings, total: int, batch: int):
        self.model, self.settings, self.total, self.batch = model, settings, total, batch

    def run(
        self, windows: Sequence[Window], prepare: Callable[[Window], PreparedWindow]
    ) -> Iterator[list[tuple[Window, np.ndarray]]]:
        """Restore windows batch by batch.

        Args:
            windows: All of one length.
            prepare: Called for a window when its batch is due: results of earlier batches may
                take part.

        Yields:
            The windows of a batch with their samples, (sample, frame, height, width), normalised.

        Raises:
            WeightsError: If the model returns numbers that are not finite.
        """
        position = 0
        while position < len(windows):
            part = windows[position : position + self.batch]
            try:
                samples = self._samples(part, [prepare(window) for window in part])
            except RuntimeError as error:
                if not _is_too_little_memory(error):
                    raise
                if self.batch == 1:
                    raise MemoryError from error
                self.batch = max(1, self.batch // 2)
                torch.cuda.empty_cache()
                continue
            if not np.isfinite(samples).all():
                raise WeightsError(
                    "the model returned frames that are not finite; use other weights"
                )
            yield list(zip(part, samples, strict=True))
            position += len(part)

    def _samples(self, windows: Sequence[Window], prepared: list[PreparedWindow]) -> np.ndarray:
        """(window, sample, frame, height, width)."""
        condition = build_condition(prepared, self.model.device)
        numbers = [window.frame_indices(self.total) for window in windows]
        drawn = [
            sample_windows(self.model, condition, numbers, self.settings, draw).float().cpu()
            for draw in range(self.settings.samples)
        ]
        return torch.stack(drawn, 1).numpy()


def fastest_batch(model: Model, prepared: PreparedWindow, settings: DenoiseSettings) -> int:
    """Number of windows at a time that is fastest here, by a measurement of about a second.

    More windows need more memory, so they must be clearly faster. One window keeps the cores of a
    CPU busy: two took a sixth longer and 200 MB more, so nothing is tried there.
    """
    if model.device.type == "cpu":
        return 1
    number = np.arange(len(prepared.noisy))
    best, speed, started = 1, 0.0, time.perf_counter()
    for count in _CANDIDATES:
        condition = build_condition([prepared] * count, model.device)
        seconds = []
        try:
            for _ in range(_REPEATS):
                begun = time.perf_counter()
                sample_windows(model, condition, [number] * count, settings).float().cpu()
                seconds.append(time.perf_counter() - begun)
        except RuntimeError as error:
            if not _is_too_little_memory(error):
                raise
            break
        if count / min(seconds) > _CLEARLY * speed:
            best, speed = count, count / min(seconds)
        if time.perf_counter() - started > _MEASURE:
            break
    return best


def _is_too_little_memory(error: RuntimeError) -> bool:
    """Of a GPU it has a type of its own, of the CPU only its words."""
    return isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error)
