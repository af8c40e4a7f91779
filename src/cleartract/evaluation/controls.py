"""Controls of the audio: one recording denoised with its own sound, with wrong sound, with none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cleartract.denoising.denoise import denoise_recording
from cleartract.denoising.settings import DenoiseSettings
from cleartract.evaluation import full_reference as reference
from cleartract.evaluation.articulation import constriction_degrees, degree_error
from cleartract.evaluation.measure import Subject
from cleartract.evaluation.window_count import Progress
from cleartract.model.model import Model
from cleartract.recordings.recording import Recording

CONTROLS = ("matched", "null", "144 ms early", "144 ms late", "swapped", "silence", "noise")
METRICS = ("psnr_airway", "ssim_airway", "degree_error_mm")
SHIFT = 0.144  # [s]
LOST = ("lost frames", "runs of 4 or more lost")
SITUATIONS = ("all frames", "fast movement", "highest noise", *LOST)
_LONG = 4  # [frames] of a lost run that its neighbours predict badly
_TOP = 80  # percentile above which a frame counts as fast or as noisy


def with_control(
    recording: Recording, control: str, other: np.ndarray, seed: int = 0
) -> Recording | None:
    """The recording with the sound of a control; None for `null`.

    Args:
        recording: With sound.
        control: One of `CONTROLS`.
        other: Sound of another utterance at the same sample rate, repeated to the length.
        seed: Seed of the noise, which is white and as loud as the sound.
    """
    if recording.audio is None or recording.sample_rate is None:
        raise ValueError("the recording has no sound")
    audio, shift = recording.audio, round(SHIFT * recording.sample_rate)
    if control == "null":
        return None
    if control == "matched":
        return recording
    if control == "144 ms early":
        audio = np.concatenate([audio[shift:], np.zeros(min(shift, len(audio)), audio.dtype)])
    elif control == "144 ms late":
        audio = np.concatenate([np.zeros(shift, audio.dtype), audio])[: len(audio)]
    elif control == "swapped":
        audio = np.resize(other, len(audio)).astype(np.float32)
    elif control == "silence":
        audio = np.zeros_like(audio)
    elif control == "noise":
        rng = np.random.default_rng(seed)
        audio = (audio.std() * rng.standard_normal(len(audio))).astype(np.float32)
    else:
        raise ValueError(f"unknown control {control!r}")
    return replace(recording, audio=audio)


def lost_runs(total: int, seed: int = 0) -> np.ndarray:
    """Which frames are lost: runs of 1 to 8 frames, 8 to 16 frames apart, (frame,) bool."""
    rng = np.random.default_rng(seed)
    lost, position = np.zeros(total, bool), min(8, total // 4)
    lengths: list[int] = []
    while position < max(total - 8, total // 2):
        if not lengths:
            lengths = [int(length) for length in rng.permutation(np.arange(1, 9))]
        length = lengths.pop()
        lost[position : position + length] = True
        position += length + int(rng.integers(8, 17))
    return lost


def long_runs(lost: np.ndarray, least: int = _LONG) -> np.ndarray:
    """Those lost frames that lie in runs of at least so many, (frame,) bool."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], lost, [0]])))
    kept = np.zeros_like(lost)
    for first, end in zip(edges[::2], edges[1::2], strict=True):
        kept[first:end] = end - first >= least
    return kept


@dataclass(frozen=True)
class ControlSetup:
    """Which controls are run, and what they need.

    Attributes:
        other: Sound of another utterance at the recording's sample rate, (sample,).
        seed: Seed of lost frames and of noise.
        controls: Some of `CONTROLS`.
    """

    other: np.ndarray
    seed: int = 0
    controls: Sequence[str] = CONTROLS


@dataclass(frozen=True)
class ControlResult:
    """One control on one recording.

    Attributes:
        metrics: Each of `METRICS`, by situation.
        degrees: Constriction degrees of the intact recording, (line, frame) [mm].
        restored_degrees: Those of the restored lost frames, (line, lost frame) [mm].
    """

    metrics: dict[str, dict[str, float]]
    degrees: np.ndarray
    restored_degrees: np.ndarray


def run_controls(
    subject: Subject,
    recording: Recording,
    setup: ControlSetup,
    model: Model,
    settings: DenoiseSettings,
    progress: Callable[[], Progress] | None = None,
) -> dict[str, ControlResult]:
    """Denoise one recording under every control, intact and with lost frames.

    Args:
        subject: Truth, region and grid lines of the recording; its denoised frames are not used.
        recording: The noisy recording with its sound, in the scale of the truth.
        setup: Which controls, with what sound.
        model: In evaluation mode.
        settings: How it is denoised.
        progress: Gives what is called with windows done and windows in all, twice for each control.

    Returns:
        Results by name of the control.
    """
    truth = subject.truth
    if truth is None:
        raise ValueError("controls need a truth")
    lines, size = subject.grid_lines(), subject.millimetres
    band = np.broadcast_to(subject.airway(), truth.shape)
    true_degrees = constriction_degrees(truth, lines, size)
    lost = lost_runs(len(truth), setup.seed)
    rng = np.random.default_rng([setup.seed, 1])
    replaced = recording.frames.copy()
    # lost frames hold noise as bright as the recording; none of it may reach the result
    replaced[lost] = np.abs(rng.normal(0, truth.std(), (int(lost.sum()), *truth.shape[1:])))
    situations = _situations(truth, recording.frames, band)
    situations |= dict(zip(LOST, (lost, long_runs(lost)), strict=True))
    results = {}
    for control in setup.controls:
        with_sound = with_control(recording, control, setup.other, setup.seed)
        chosen = settings if with_sound else settings.model_copy(update={"use_audio": False})
        source = with_sound or recording
        told = [None if progress is None else progress() for _ in range(2)]
        intact = denoise_recording(source, model, chosen, told[0]).recording.frames
        holes = replace(source, frames=replaced)
        made = denoise_recording(holes, model, chosen, told[1], observed=~lost)
        restored = made.recording.frames
        degrees = [constriction_degrees(x, lines, size) for x in (intact, restored)]
        metrics: dict[str, dict[str, float]] = {name: {} for name in METRICS}
        for name, frames in situations.items():
            of_lost = name in LOST
            if not frames.any():  # too short for a long run
                for metric in METRICS:
                    metrics[metric][name] = float("nan")
                continue
            result = (restored if of_lost else intact)[frames]
            target, where = truth[frames], band[frames]
            metrics["psnr_airway"][name] = reference.psnr(result, target, mask=where)
            metrics["ssim_airway"][name] = reference.ssim(result, target, mask=where)
            metrics["degree_error_mm"][name] = degree_error(
                degrees[of_lost][:, frames], true_degrees[:, frames]
            )
        results[control] = ControlResult(metrics, degrees[0], degrees[1][:, lost])
    return results


def _situations(truth: np.ndarray, noisy: np.ndarray, band: np.ndarray) -> dict[str, np.ndarray]:
    motion = np.abs(np.gradient(truth, axis=0)).mean((1, 2))
    noise = (band * (noisy - truth) ** 2).sum((1, 2)) / np.maximum(band.sum((1, 2)), 1)
    return {
        "all frames": np.ones(len(truth), bool),
        "fast movement": motion >= np.percentile(motion, _TOP),
        "highest noise": noise >= np.percentile(noise, _TOP),
    }
