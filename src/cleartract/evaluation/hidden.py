"""Hidden frames: frames that were there are hidden, restored, and compared with what was hidden."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cleartract.denoising.denoise import denoise_recording
from cleartract.denoising.settings import DenoiseSettings
from cleartract.evaluation.full_reference import psnr
from cleartract.model.model import Model
from cleartract.recordings.intensity import Intensity
from cleartract.recordings.recording import Recording

RUN, EVERY = 8, 32  # [frames] hidden together, and from one run to the next


def hidden_runs(total: int, run: int = RUN, every: int = EVERY) -> np.ndarray:
    """Which frames are hidden, (frame,) bool: runs with frames on both sides."""
    numbers = np.arange(total)
    place = (numbers - (every - run) // 2) % every
    hidden = (place < run) & (numbers >= (every - run) // 2)
    last = total - (every - run) // 2
    return hidden & (numbers < last)


def linear_interpolation(frames: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """Hidden frames by interpolation between their neighbours, (frame, height, width)."""
    result, seen = frames.copy(), np.flatnonzero(~hidden)
    for frame in np.flatnonzero(hidden):
        after = int(np.searchsorted(seen, frame))
        low, high = seen[max(after - 1, 0)], seen[min(after, len(seen) - 1)]
        share = (frame - low) / max(high - low, 1)
        result[frame] = (1 - share) * frames[low] + share * frames[high]
    return result


def hidden_frames(
    recording: Recording,
    model: Model,
    other: np.ndarray,
    settings: DenoiseSettings | None = None,
    audio_offset: float = 0.0,
) -> dict[str, float]:
    """Compare restored frames with those that were hidden, noise and all.

    Args:
        recording: With sound.
        model: In evaluation mode.
        other: Sound of another recording at the same sample rate, repeated to the length.
        settings: How it is denoised.
        audio_offset: How late the sound is against the frames [s].

    Returns:
        PSNR [dB] of hidden frames restored with the `matched` sound, with `none`, with the `foreign`
        one, and by linear interpolation of the `noisy` neighbours, which copies noise that lasts,
        and of the `restored` ones (without sound).
    """
    if recording.audio is None:
        raise ValueError("the recording has no sound")
    settings = settings or DenoiseSettings()
    hidden = hidden_runs(len(recording))
    scale = Intensity.of(recording.frames)
    truth = scale.apply(recording.frames)[hidden]
    holes = recording.frames.copy()
    holes[hidden] = 0
    silent = settings.model_copy(update={"use_audio": False})
    foreign = np.resize(other, len(recording.audio)).astype(np.float32)
    found = {}
    for name, audio, chosen in (
        ("matched", recording.audio, settings),
        ("none", recording.audio, silent),
        ("foreign", foreign, settings),
    ):
        source = replace(recording, frames=holes, audio=audio)
        restored = denoise_recording(
            source, model, chosen, observed=~hidden, audio_offset=audio_offset
        )
        if name == "none":
            without = restored.recording.frames
        found[name] = psnr(scale.apply(restored.recording.frames)[hidden], truth)
    for name, frames in (("noisy", recording.frames), ("restored", without)):
        linear = linear_interpolation(frames, hidden)
        found[name] = psnr(scale.apply(linear)[hidden], truth)
    return found
