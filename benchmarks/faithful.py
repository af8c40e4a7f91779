"""Figures on real recordings that owe nothing to a simulator: what is taken away, and what is kept.

python -m benchmarks.faithful RECORDING RECORDING...
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tyro

from benchmarks.common import write_json, write_table
from benchmarks.peers.rician import add_rician_noise
from cleartract.denoising.denoise import denoise_recording
from cleartract.denoising.prepared import PreparedRecording
from cleartract.denoising.settings import DenoiseSettings
from cleartract.evaluation.full_reference import psnr
from cleartract.evaluation.hidden import hidden_frames
from cleartract.evaluation.measure import receiver_noise
from cleartract.evaluation.repeating import repeating_part
from cleartract.evaluation.still import still_truth
from cleartract.model.model import Model
from cleartract.model.weights import load_model
from cleartract.recordings.opening import open_recording
from cleartract.recordings.recording import Recording
from cleartract.recordings.source import RecordingSource

ADDED = (0.03, 0.06, 0.12)  # Rician noise, of the brightest tissue
_SEED = 7


@dataclass(frozen=True)
class Options:
    """Judge a denoiser on real recordings without a truth."""

    recordings: tyro.conf.Positional[tuple[Path, ...]]
    """Two or more; the foreign sound of each is that of the next one with sound."""
    weights: str | None = None
    fidelity: float | None = None
    frames: int = 1000
    """At most so many frames of each recording, from its beginning; with hidden frames 600."""
    added_frames: int = 400
    """Frames to which noise is added."""
    audio_offset: tuple[float, ...] = ()
    """How late the sound of each recording is [ms]; 0 where not given."""
    name: str = "faithful"


def main(options: Options) -> None:
    model, described = load_model(options.weights)
    settings = DenoiseSettings(fidelity=options.fidelity)
    voices = [r for r in map(open_recording, options.recordings) if r.audio is not None]
    results, rows = [], []
    for number, path in enumerate(options.recordings):
        whole = open_recording(path)
        recording = whole.excerpt(0, min(options.frames, len(whole)))
        late = options.audio_offset[number] if number < len(options.audio_offset) else 0.0
        found = _judged(recording, model, settings, late / 1000)
        if recording.audio is not None:
            silent = settings.model_copy(update={"use_audio": False})
            frames = denoise_recording(recording, model, silent).recording.frames
            found["still_without_sound"] = still_truth(
                recording.frames, frames, float(recording.rate)
            )
        found["added"] = {
            f"{100 * level:.0f} %": _with_noise(
                recording, model, settings, level, options.added_frames, late / 1000
            )
            for level in ADDED
        }
        if recording.audio is not None and len(voices) > 1:
            own = [voice.provenance["path"] for voice in voices].index(str(path))
            other = voices[(own + 1) % len(voices)]
            found |= _of_sound(recording, other, model, settings, late / 1000)
        results.append({"recording": path.name, "frames": len(recording), **found})
        rows.append(_row(results[-1]))
        print(rows[-1], flush=True)
    note = (
        "Shares of the brightest tissue [%]. Still stretches: change of what does not change (root of "
        "the product of the residuals of two halves, free of noise), and gain against the mean of the "
        "stretch; higher is better. Removed by the result: root mean square in tissue, of that what repeats "
        "with the posture (held out; less is better), and noise; and what of the model's change repeats "
        "or lasts, and was given back. Added noise: PSNR of the result against the "
        "recording before noise was added to it, higher is better. Hidden frames: PSNR against the "
        "frames that were hidden, runs of 8. Variance explained: by held-out prediction from the sound, "
        "and from a foreign one. "
        f"Fidelity {settings.given_back:g}; at most {options.frames} frames."
    )
    header = ["recording", "still: bias [%]", "still: gain [dB]"]
    header += [
        "without sound: bias [%], gain [dB]",
        "removed [%]",
        "repeats [%]",
        "noise [%]",
        "given back [%]",
        "+3, 6, 12 % noise [dB]",
        "hidden: matched, none, foreign, linear of noisy, of restored neighbours [dB]",
    ]
    write_table(options.name, [*header, "variance explained, foreign"], rows, note)
    write_json(options.name, {"training": described.get("training"), "recordings": results})


def _judged(recording: Recording, model: Model, settings: DenoiseSettings, late: float) -> dict:
    restored = denoise_recording(recording, model, settings, audio_offset=late)
    frames = restored.recording.frames
    return {
        "still": still_truth(recording.frames, frames, float(recording.rate)),
        "residual": restored.used.get("residual"),
        "taken": repeating_part(
            recording.frames, frames, float(recording.rate), receiver_noise(recording.frames)
        ),
        "frames_per_second": restored.used["frames_per_second"],
    }


def _with_noise(
    recording: Recording,
    model: Model,
    settings: DenoiseSettings,
    level: float,
    frames: int,
    late: float,
) -> float:
    clean = recording.excerpt(0, min(frames, len(recording)))
    bright = float(np.percentile(clean.frames, 99.5))
    rng = np.random.default_rng([_SEED, round(1000 * level)])
    noisy = replace(clean, frames=add_rician_noise(clean.frames, level * bright, rng), peak=None)
    restored = denoise_recording(noisy, model, settings, audio_offset=late).recording.frames
    return psnr(restored / bright, clean.frames / bright)


def _of_sound(
    recording: Recording, other: Recording, model: Model, settings: DenoiseSettings, late: float
) -> dict:
    assert recording.audio is not None
    assert recording.sample_rate is not None
    foreign = other.audio_at(recording.sample_rate)
    assert foreign is not None
    foreign = np.resize(foreign, len(recording.audio)).astype(np.float32)
    shares = []
    for audio in (recording.audio, foreign):
        source = RecordingSource(replace(recording, audio=audio))
        prediction = PreparedRecording.of(
            source, model, settings, audio_offset=late
        ).survey.prediction
        shares.append(float("nan") if prediction is None else prediction.explained)
    excerpt = recording.excerpt(0, min(600, len(recording)))
    hidden = hidden_frames(excerpt, model, foreign, settings, late)
    return {"hidden": hidden, "explained": shares}


def _row(found: dict) -> list[str]:
    silent = found.get("still_without_sound")
    still, taken, split = found["still"], found["taken"], found["residual"]
    shares = [
        f"{round(100 * taken[k], 2) + 0.0:.2f}" if taken else "–"
        for k in ("removed", "repeating", "noise")
    ]
    shares.append(f"{100 * split['repeating']:.2f}" if split else "–")
    hidden = found.get("hidden")
    return [
        found["recording"],
        f"{100 * still['bias']:.2f}" if still else "–",
        f"{still['gain']:+.2f}" if still else "–",
        f"{silent['bias'] * 100:.2f}, {silent['gain']:+.2f}" if silent else "–",
        *shares,
        ", ".join(f"{value:.1f}" for value in found["added"].values()),
        ", ".join(f"{value:.2f}" for value in hidden.values()) if hidden else "–",
        ", ".join(f"{value:.2f}" for value in found["explained"]) if hidden else "–",
    ]


if __name__ == "__main__":
    main(tyro.cli(Options))
