"""Controls of the audio: whether it helps, and whether wrong audio changes articulation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import sem

from cleartract.denoising.denoise import denoise_recording
from cleartract.denoising.settings import DenoiseSettings
from cleartract.evaluation import full_reference as reference
from cleartract.evaluation.articulation import constriction_degrees, degree_error
from cleartract.evaluation.measure import Subject
from cleartract.model.model import Model
from cleartract.recordings.recording import Recording

CONTROLS = ("matched", "null", "144 ms early", "144 ms late", "swapped", "silence", "noise")
METRICS = ("psnr_airway", "ssim_airway", "degree_error_mm")
SHIFT = 0.144  # [s]
LOST = ("lost frames", "runs of 4 or more lost")
SITUATIONS = ("all frames", "fast movement", "highest noise", *LOST)
_LONG = 4  # [frames] of a lost run that its neighbours predict badly
_TOP = 80  # percentile above which a frame counts as fast or as noisy
_NEGLIGIBLE_DB = 0.05
_NEGLIGIBLE_MM = 0.1


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
) -> dict[str, ControlResult]:
    """Denoise one recording under every control, intact and with lost frames.

    Args:
        subject: Truth, region and grid lines of the recording; its denoised frames are not used.
        recording: The noisy recording with its sound, in the scale of the truth.
        setup: Which controls, with what sound.
        model: In evaluation mode.
        settings: How it is denoised.

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
        intact = denoise_recording(source, model, chosen).recording.frames
        holes = replace(source, frames=replaced)
        restored = denoise_recording(holes, model, chosen, observed=~lost).recording.frames
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


def hallucination_index(results: dict[str, ControlResult], lost: bool = False) -> float:
    """Change of articulation by wrong audio [mm].

    Root mean square difference of constriction degrees with swapped audio and with none; of the
    intact recording, or of the restored lost frames.
    """
    swapped, null = results["swapped"], results["null"]
    if lost:
        return degree_error(swapped.restored_degrees, null.restored_degrees)
    return degree_error(swapped.degrees, null.degrees)


def summarise(results: list[dict[str, ControlResult]], speakers: list[str]) -> dict:
    """Means, differences to null with their standard error, and the verdict.

    Recordings of one speaker are averaged first: reconstructions of one utterance are not
    independent, and the standard error is that over speakers.

    Args:
        results: One per reconstruction.
        speakers: Speaker of each.
    """
    table: dict = {"reconstructions": len(results), "speakers": len(set(speakers))}
    groups = [
        [r for r, s in zip(results, speakers, strict=True) if s == name]
        for name in sorted(set(speakers))
    ]

    def by_speaker(metric: str, control: str, situation: str) -> np.ndarray:
        return np.array(
            [
                _mean(np.array([r[control].metrics[metric][situation] for r in group]))
                for group in groups
            ]
        )

    for metric in METRICS:
        table[metric] = {
            situation: {c: _mean(by_speaker(metric, c, situation)) for c in CONTROLS}
            for situation in SITUATIONS
        }
        table[f"{metric}_over_null"] = {}
        for situation in SITUATIONS:
            null = by_speaker(metric, "null", situation)
            gains = {c: by_speaker(metric, c, situation) - null for c in CONTROLS if c != "null"}
            table[f"{metric}_over_null"][situation] = {
                c: [_mean(gain), _standard_error(gain)] for c, gain in gains.items()
            }
    table["hallucination_index_mm"] = float(np.mean([hallucination_index(r) for r in results]))
    table["hallucination_index_lost_mm"] = float(
        np.mean([hallucination_index(r, lost=True) for r in results])
    )
    table["verdict"] = verdict(table)
    return table


def _mean(values: np.ndarray) -> float:
    values = values[np.isfinite(values)]  # a recording may be too short for a long run
    return float(values.mean()) if len(values) else float("nan")


def _standard_error(values: np.ndarray) -> float:
    values = values[np.isfinite(values)]
    return float(sem(values)) if len(values) > 1 else float("nan")


def verdict(table: dict) -> list[str]:
    """The summary in words, one sentence per question."""
    sentences = []
    for situation in SITUATIONS:
        gain, error = table["psnr_airway_over_null"][situation]["matched"]
        wrong, _ = table["psnr_airway_over_null"][situation]["swapped"]
        spread = "" if np.isnan(error) else f" (standard error {error:.2f})"
        sure = not np.isnan(error) and abs(gain) > 2 * error
        if abs(gain) < _NEGLIGIBLE_DB or not sure:
            word = "makes no measurable difference"
        else:
            word = "helps" if gain > 0 else "harms"
        sentences.append(
            f"{situation}: the matched audio {word}: {gain:+.2f} dB over no audio{spread}; "
            f"swapped audio {wrong:+.2f} dB"
        )
    index, lost = table["hallucination_index_mm"], table["hallucination_index_lost_mm"]
    changes = "changes" if index > _NEGLIGIBLE_MM else "does not change"
    sentences.append(
        f"wrong audio {changes} articulation where frames are observed: constriction degrees "
        f"differ by {index:.3f} mm, in lost frames by {lost:.3f} mm"
    )
    return sentences
