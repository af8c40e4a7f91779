"""What the model knows about a batch of windows."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TypeVar

import torch
from torch import Tensor

Part = TypeVar("Part", "FramesCondition", "SoundCondition", "PredictionCondition", "NoiseCondition")

NOISE_FACTS = 7


def _moved(part: Part, device: torch.device) -> Part:
    values = {f.name: getattr(part, f.name) for f in fields(part)}
    moved = {
        name: value.to(device) if isinstance(value, Tensor) else value
        for name, value in values.items()
    }
    return replace(part, **moved)


def _check(holds: bool, rule: str) -> None:
    if not holds:
        raise ValueError(f"condition: {rule}")


@dataclass(frozen=True)
class FramesCondition:
    """Noisy frames of the windows.

    Attributes:
        noisy: Normalised intensity, (batch, frame, height, width).
        observed: Which of them are there, (batch, frame) bool; the others are ignored.
        times: Relative to the window's centre [s], (batch, frame).
    """

    noisy: Tensor
    observed: Tensor
    times: Tensor

    def __post_init__(self) -> None:
        _check(self.noisy.ndim == 4, "noisy frames must be (batch, frame, height, width)")
        _check(self.observed.shape == self.noisy.shape[:2], "one `observed` for each frame")
        _check(self.times.shape == self.noisy.shape[:2], "one time for each frame")


@dataclass(frozen=True)
class SoundCondition:
    """Sound of the windows.

    Attributes:
        waveform: At 16 kHz, (batch, sample).
        start: Time of its first sample relative to the window's centre [s], (batch,).
        valid: False where the sound is replaced by the null embedding, (batch,) bool.
        masked: From when to when it is replaced all the same, (batch, 2) [s] relative to the
            window's centre; None for nowhere.
        states: Hidden states of a frozen speech model, used instead of the waveform,
            (batch, token, state), or None.
        states_start: Time of the first of them [s], (batch,), or None.
    """

    waveform: Tensor
    start: Tensor
    valid: Tensor
    masked: Tensor | None = None
    states: Tensor | None = None
    states_start: Tensor | None = None

    def __post_init__(self) -> None:
        batch = self.waveform.shape[:1]
        _check(self.waveform.ndim == 2, "a waveform must be (batch, sample)")
        _check(self.start.shape == batch and self.valid.shape == batch, "one start for each sound")
        _check(self.masked is None or self.masked.shape == (*batch, 2), "two times for each mask")
        _check((self.states is None) == (self.states_start is None), "states need their start")


@dataclass(frozen=True)
class PredictionCondition:
    """What the recording says about the windows' frames without showing them.

    Attributes:
        mean: Mean frame of the recording, (batch, height, width).
        mean_valid: Whether that is known, (batch,) bool.
        frames: Frames predicted from the sound, (batch, frame, height, width), or None.
        frames_valid: Whether they are known, (batch,) bool.
        skill: Share of the frames' variance that predictions of this recording explain, (batch,).
    """

    mean: Tensor
    mean_valid: Tensor
    frames: Tensor | None
    frames_valid: Tensor
    skill: Tensor

    def __post_init__(self) -> None:
        batch = self.mean.shape[:1]
        _check(self.mean_valid.shape == batch, "one `mean_valid` for each window")
        _check(self.frames_valid.shape == batch, "one `frames_valid` for each window")
        _check(self.skill.shape == batch, "one skill for each window")
        _check(
            not bool((self.frames_valid & ~self.mean_valid).any()),
            "frames predicted from the sound need the mean frame",
        )


@dataclass(frozen=True)
class NoiseCondition:
    """Noise of the recordings, as their surveys measured it.

    Attributes:
        strength: Standard deviation per pixel [normalised intensity], (batch, height, width).
        facts: Level where nothing moves, correlations in time and space, undersampling, (batch, 7).
        valid: Whether it is known, (batch,) bool.
    """

    strength: Tensor
    facts: Tensor
    valid: Tensor

    def __post_init__(self) -> None:
        _check(self.strength.ndim == 3, "noise strength must be (batch, height, width)")
        _check(self.facts.shape == (len(self.strength), NOISE_FACTS), "7 facts for each window")
        _check(self.valid.shape == self.strength.shape[:1], "one `valid` for each noise")


@dataclass(frozen=True)
class Condition:
    """All that is known about a batch of windows; each part but the frames can be dropped.

    Attributes:
        frames: Noisy frames.
        sound: Their sound.
        prediction: What the recording says about them without showing them.
        noise: Its noise.
        ideal: Whether the target is the object itself and not its scan, (batch,) bool.
    """

    frames: FramesCondition
    sound: SoundCondition | None = None
    prediction: PredictionCondition | None = None
    noise: NoiseCondition | None = None
    ideal: Tensor | None = None

    def __post_init__(self) -> None:
        batch = len(self.frames.noisy)
        if self.sound is not None:
            _check(len(self.sound.waveform) == batch, "one sound for each window")
        if self.prediction is not None:
            _check(len(self.prediction.mean) == batch, "one mean frame for each window")
            frames = self.prediction.frames
            _check(
                frames is None or frames.shape == self.frames.noisy.shape,
                "predicted frames must be like the noisy ones",
            )
        if self.noise is not None:
            size = self.frames.noisy[:, 0].shape
            _check(self.noise.strength.shape == size, "noise strength must be like the frames")
        _check(self.ideal is None or self.ideal.shape == (batch,), "one target for each window")

    def __len__(self) -> int:
        return len(self.frames.noisy)

    def to(self, device: torch.device) -> Condition:
        """Copy to a device."""
        sound, prediction, noise = self.sound, self.prediction, self.noise
        return Condition(
            _moved(self.frames, device),
            sound and _moved(sound, device),
            prediction and _moved(prediction, device),
            noise and _moved(noise, device),
            None if self.ideal is None else self.ideal.to(device),
        )

    def without_sound(self) -> Condition:
        """The same windows with their sound, and what it predicts, dropped."""
        prediction = self.prediction
        if prediction is not None:
            nothing = torch.zeros_like(prediction.frames_valid)
            prediction = replace(prediction, frames=None, frames_valid=nothing)
        return replace(self, sound=None, prediction=prediction)

    def predicted(self) -> tuple[Tensor, Tensor] | None:
        """Frames predicted from the sound, else mean frames; and which they are.

        Returns:
            (batch, frame, height, width), and (batch,): 0.5 and the skill, at most 1, where
            predicted, 0.5 mean, 0 neither.
        """
        if self.prediction is None:
            return None
        known = self.prediction
        frames = known.mean[:, None].expand_as(self.frames.noisy)
        kind = 0.5 * known.mean_valid.to(frames)
        if known.frames is not None:
            valid = known.frames_valid
            frames = torch.where(valid[:, None, None, None], known.frames, frames)
            kind = kind + valid * known.skill.clamp(0.01, 0.5)
        return frames, kind
