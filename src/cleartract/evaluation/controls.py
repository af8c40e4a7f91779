"""Controls of the audio: does it help, and does wrong audio pull articulation away?"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cleartract.evaluation import full_reference as reference
from cleartract.evaluation.articulation import constriction_degrees, degree_error
from cleartract.evaluation.measure import Subject
from cleartract.model import Model
from cleartract.recordings.recording import Recording
from cleartract.restore import denoise_recording
from cleartract.windowed import DenoiseSettings

CONTROLS = ("matched", "null", "144 ms early", "144 ms late", "swapped", "silence", "noise")
SHIFT = 0.144  # [s]
SITUATIONS = ("all frames", "fast movement", "highest noise", "lost frames")
_TOP = 80  # percentile: the fifth of the frames that move most, or are noisiest
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
        seed: Of the noise, which is white and as loud as the sound.
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
    lost, position = np.zeros(total, bool), 8
    lengths: list[int] = []
    while position < total - 8:
        if not lengths:
            lengths = list(rng.permutation(np.arange(1, 9)))
        length = int(lengths.pop())
        lost[position : position + length] = True
        position += length + int(rng.integers(8, 17))
    return lost


@dataclass(frozen=True)
class ControlFigures:
    """One control on one recording.

    Attributes:
        psnr: In the airway region [dB], by situation.
        degree_error: Root mean square error of constriction degrees [mm], by situation.
        degrees: (line, frame) [mm], of the intact recording.
    """

    psnr: dict[str, float]
    degree_error: dict[str, float]
    degrees: np.ndarray


def run_controls(
    subject: Subject,
    recording: Recording,
    other: np.ndarray,
    model: Model,
    settings: DenoiseSettings,
    seed: int = 0,
) -> dict[str, ControlFigures]:
    """Denoise one recording under every control, intact and with lost frames.

    Args:
        subject: Truth, region and grid lines of the recording; its denoised frames are not used.
        recording: The noisy recording with its sound, in the scale of the truth.
        other: Sound of another utterance.
        model: In evaluation mode.
        settings: How it is denoised.
        seed: Of lost frames and noise.
    """
    truth = subject.truth
    if truth is None:
        raise ValueError("controls need a truth")
    lines, size = subject.grid_lines(), subject.millimetres
    band = np.broadcast_to(subject.airway(), truth.shape)
    true_degrees = constriction_degrees(truth, lines, size)
    lost = lost_runs(len(truth), seed)
    rng = np.random.default_rng([seed, 1])
    replaced = recording.frames.copy()
    # as a decoder that lost them would show: noise as bright as the recording
    replaced[lost] = np.abs(rng.normal(0, truth.std(), (int(lost.sum()), *truth.shape[1:])))
    situations = _situations(truth, recording.frames, band)
    found = {}
    for control in CONTROLS:
        heard = with_control(recording, control, other, seed)
        chosen = settings if heard else settings.model_copy(update={"use_audio": False})
        source = heard or recording
        intact = denoise_recording(source, model, chosen).recording.frames
        mended = denoise_recording(
            replace(source, frames=replaced), model, chosen, given=~lost
        ).recording.frames
        psnr, error = {}, {}
        degrees = constriction_degrees(intact, lines, size)
        mended_degrees = constriction_degrees(mended, lines, size)
        for name, frames in {**situations, "lost frames": lost}.items():
            result, measured = (
                (mended, mended_degrees) if name == "lost frames" else (intact, degrees)
            )
            psnr[name] = reference.psnr(result[frames], truth[frames], mask=band[frames])
            error[name] = degree_error(measured[:, frames], true_degrees[:, frames])
        found[control] = ControlFigures(psnr, error, degrees)
    return found


def _situations(truth: np.ndarray, noisy: np.ndarray, band: np.ndarray) -> dict[str, np.ndarray]:
    motion = np.abs(np.gradient(truth, axis=0)).mean((1, 2))
    noise = np.array([((n - t)[b] ** 2).mean() for n, t, b in zip(noisy, truth, band, strict=True)])
    return {
        "all frames": np.ones(len(truth), bool),
        "fast movement": motion >= np.percentile(motion, _TOP),
        "highest noise": noise >= np.percentile(noise, _TOP),
    }


def hallucination_index(figures: dict[str, ControlFigures]) -> float:
    """How far wrong audio moves articulation from what the frames alone show [mm].

    Root mean square difference of constriction degrees under swapped audio and under none.
    """
    return degree_error(figures["swapped"].degrees, figures["null"].degrees)


def summarise(results: list[dict[str, ControlFigures]]) -> dict:
    """Means over recordings, differences to null with their standard error, and the verdict."""
    table: dict = {"recordings": len(results), "psnr": {}, "degree_error": {}, "gain_over_null": {}}
    for situation in SITUATIONS:
        psnr = {c: np.array([r[c].psnr[situation] for r in results]) for c in CONTROLS}
        error = {c: np.array([r[c].degree_error[situation] for r in results]) for c in CONTROLS}
        table["psnr"][situation] = {c: float(v.mean()) for c, v in psnr.items()}
        table["degree_error"][situation] = {c: float(v.mean()) for c, v in error.items()}
        table["gain_over_null"][situation] = {
            c: [float((v - psnr["null"]).mean()), _standard_error(v - psnr["null"])]
            for c, v in psnr.items()
            if c != "null"
        }
    table["hallucination_index_mm"] = float(np.mean([hallucination_index(r) for r in results]))
    table["verdict"] = verdict(table)
    return table


def _standard_error(values: np.ndarray) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")


def verdict(table: dict) -> list[str]:
    """The summary in words, one sentence per question."""
    sentences = []
    for situation in SITUATIONS:
        gain, error = table["gain_over_null"][situation]["matched"]
        wrong, _ = table["gain_over_null"][situation]["swapped"]
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
    index = table["hallucination_index_mm"]
    pulls = "pulls articulation away" if index > _NEGLIGIBLE_MM else "does not pull articulation"
    sentences.append(
        f"wrong audio {pulls} from what the frames show: constriction degrees change by "
        f"{index:.3f} mm"
    )
    return sentences
