"""What is known of a window, and the one builder of the model's condition from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from cleartract.denoising.noise_survey import Noise
from cleartract.denoising.settings import Target
from cleartract.model.condition import (
    NOISE_FACTS,
    Condition,
    FramesCondition,
    NoiseCondition,
    PredictionCondition,
    SoundCondition,
)
from cleartract.recordings.windows import Window

NO_SKILL = 0.02  # share of variance explained below which the sound is not used at all
TRUSTED_SKILL = 0.35  # below which frames are predicted from it, but audio tokens are not used


@dataclass(frozen=True)
class WindowSound:
    """Sound of a window.

    Attributes:
        waveform: With context, (sample,).
        start: Time of its first sample relative to the window's centre [s].
        states: Hidden states of a speech model, (token, state), or None.
        states_start: Time of the first of them [s].
        valid: Whether it is used.
        masked: From when to when it is not [s], (2,), or None.
    """

    waveform: np.ndarray
    start: float
    states: np.ndarray | None = None
    states_start: float = 0.0
    valid: bool = True
    masked: np.ndarray | None = None


@dataclass(frozen=True)
class PreparedWindow:
    """All that is known of a window, normalised.

    Attributes:
        window: Where it lies in the recording.
        noisy: (frame, height, width).
        observed: Which noisy frames are there, (frame,) bool.
        sound: Its sound, or None.
        mean: Mean frame of the recording, (height, width), or None.
        predicted: Frames predicted from the sound, (frame, height, width), or None.
        skill: Share of the frames' variance that such predictions explain.
        noise: Noise of the recording, or None.
        target: What is wanted: the scan, or the object itself.
    """

    window: Window
    noisy: np.ndarray
    observed: np.ndarray
    sound: WindowSound | None = None
    mean: np.ndarray | None = None
    predicted: np.ndarray | None = None
    skill: float = 0.0
    noise: Noise | None = None
    target: Target = "scan"


def weighed(window: PreparedWindow) -> PreparedWindow:
    """A window whose sound is used as far as its measured skill allows.

    Without skill nothing of the sound is used: the result is that without sound. With little,
    frames are predicted from it, but the audio tokens, whose relation to this speaker nobody has
    measured, are not used.
    """
    if window.predicted is None or window.sound is None:
        return window
    if window.skill < NO_SKILL:
        return replace(window, sound=None, predicted=None, skill=0.0)
    if window.skill < TRUSTED_SKILL:
        everywhere = np.array([-np.inf, np.inf], np.float32)
        return replace(window, sound=replace(window.sound, masked=everywhere))
    return window


def build_condition(windows: Sequence[PreparedWindow], device: torch.device) -> Condition:
    """What the model knows about a batch of windows of one length and size."""

    def batch(arrays: list[np.ndarray]) -> torch.Tensor:
        return torch.from_numpy(np.stack(arrays))

    frames = FramesCondition(
        batch([w.noisy for w in windows]),
        batch([w.observed for w in windows]),
        batch([w.window.frame_times() for w in windows]).float(),
    )
    condition = Condition(
        frames,
        _sound_condition(windows),
        _prediction_condition(windows),
        _noise_condition(windows),
        torch.tensor([w.target == "ideal" for w in windows]),
    )
    return condition.to(device)


def _sound_condition(windows: Sequence[PreparedWindow]) -> SoundCondition | None:
    sounds = [w.sound for w in windows]
    present = [s for s in sounds if s is not None]
    if not present:
        return None
    silence = WindowSound(np.zeros_like(present[0].waveform), present[0].start, valid=False)
    filled = [silence if s is None else s for s in sounds]
    nowhere = np.full(2, np.inf, np.float32)
    states = states_start = None
    with_states = [s.states for s in filled if s.states is not None]
    if with_states:
        blank = np.zeros_like(with_states[0])
        parts = [blank if s.states is None else s.states for s in filled]
        states = torch.from_numpy(np.stack(parts))
        states_start = torch.tensor([s.states_start for s in filled], dtype=torch.float32)
    masked = None
    if any(s.masked is not None for s in filled):
        parts = [nowhere if s.masked is None else s.masked for s in filled]
        masked = torch.from_numpy(np.stack(parts))
    return SoundCondition(
        waveform=torch.from_numpy(np.stack([s.waveform for s in filled])),
        start=torch.tensor([s.start for s in filled], dtype=torch.float32),
        valid=torch.tensor([s.valid for s in filled]),
        masked=masked,
        states=states,
        states_start=states_start,
    )


def _prediction_condition(windows: Sequence[PreparedWindow]) -> PredictionCondition | None:
    if all(w.mean is None for w in windows):
        return None
    blank = np.zeros_like(windows[0].noisy)
    valid = [
        w.predicted is not None and w.mean is not None and (w.sound is None or w.sound.valid)
        for w in windows
    ]
    frames = None
    if any(valid):
        parts = [blank if w.predicted is None else w.predicted for w in windows]
        frames = torch.from_numpy(np.stack(parts).astype(np.float32, copy=False))
    means = [blank[0] if w.mean is None else w.mean for w in windows]
    return PredictionCondition(
        mean=torch.from_numpy(np.stack(means)),
        mean_valid=torch.tensor([w.mean is not None for w in windows]),
        frames=frames,
        frames_valid=torch.tensor(valid),
        skill=torch.tensor([w.skill for w in windows], dtype=torch.float32),
    )


def _noise_condition(windows: Sequence[PreparedWindow]) -> NoiseCondition | None:
    if all(w.noise is None for w in windows):
        return None
    blank = np.zeros(windows[0].noisy.shape[1:], np.float32)
    strength = [blank if w.noise is None else w.noise.strength for w in windows]
    facts = [(0.0,) * NOISE_FACTS if w.noise is None else w.noise.facts for w in windows]
    return NoiseCondition(
        torch.from_numpy(np.stack(strength)).float(),
        torch.tensor(facts, dtype=torch.float32),
        torch.tensor([w.noise is not None for w in windows]),
    )
