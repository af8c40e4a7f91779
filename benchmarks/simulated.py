"""Figures on simulated test speakers, with the sound, without it, and with the wrong sound.

python -m benchmarks.simulated --corpus corpus
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tyro

from benchmarks.common import load_split, write_json, write_table
from cleartract.denoising.denoise import denoise_recording
from cleartract.denoising.settings import DenoiseSettings
from cleartract.evaluation.full_reference import frame_difference_error, psnr, ssim
from cleartract.model.weights import load_model

KINDS = {
    "noisy": "noisy",
    "audio": "noisy",
    "no audio": "noisy",
    "wrong audio": "noisy",
    "noisy, ideal": "noisy, ideal",
    "target ideal": "noisy, ideal",
}
"""What is compared with a truth, and the noisy frames compared with the same truth: the scan (full
sampling, no noise), or the object itself where `ideal` is named."""


@dataclass(frozen=True)
class Options:
    """Denoise every recording of a split and compare with the truth."""

    corpus: Path
    weights: str | None = None
    split: str = "test"
    limit: int | None = None
    """At most so many recordings."""
    window: int = 16
    step: int = 10
    name: str = "simulated"


def main(options: Options) -> None:
    model, described = load_model(options.weights)
    recordings = load_split(options.corpus, options.split)
    settings = DenoiseSettings(window_duration=options.window, step_duration=options.step)
    results = []
    for number, simulated in enumerate(recordings[: options.limit]):
        other = recordings[(number + 1) % len(recordings)]
        for name in simulated.reconstructions:
            noisy = simulated.noisy(name)
            truths = {"scan": simulated.truth(name).frames, "ideal": simulated.truth().frames}
            # the wrong sound: another speaker's, repeated to the length of this one
            wrong = np.resize(other.audio, len(simulated.audio))
            ideal = settings.model_copy(update={"target": "ideal"})
            inputs = {
                "audio": (noisy, settings, "scan"),
                "no audio": (noisy, settings.model_copy(update={"use_audio": False}), "scan"),
                "wrong audio": (replace(noisy, audio=wrong), settings, "scan"),
                "target ideal": (noisy, ideal, "ideal"),
            }
            figures = {"noisy": _figures(noisy.frames, truths["scan"])}
            figures["noisy, ideal"] = _figures(noisy.frames, truths["ideal"])
            for kind, (recording, chosen, target) in inputs.items():
                found = denoise_recording(recording, model, chosen).recording.frames
                figures[kind] = _figures(found, truths[target])
            results.append(
                {
                    "speaker": simulated.parameters["speaker"],
                    "protocol": simulated.parameters["protocol"],
                    "reconstruction": name,
                    "noise_level": simulated.parameters["noise_level"],
                    "figures": figures,
                }
            )
            gain = figures["audio"]["psnr"] - figures["noisy"]["psnr"]
            print(results[-1]["speaker"], results[-1]["protocol"], name, f"{gain:+.2f} dB")
    rows = []
    for key in sorted({(r["protocol"], r["reconstruction"]) for r in results}):
        group = [r for r in results if (r["protocol"], r["reconstruction"]) == key]
        mean = {
            kind: {
                m: float(np.mean([r["figures"][kind][m] for r in group]))
                for m in ("psnr", "ssim", "difference")
            }
            for kind in KINDS
        }
        for kind, values in mean.items():
            before = KINDS[kind]
            ratio = np.mean(
                [
                    r["figures"][kind]["difference"] / r["figures"][before]["difference"]
                    for r in group
                ]
            )
            rows.append(
                [*key, len(group), kind, f"{values['psnr']:.2f}",
                 f"{values['psnr'] - mean[before]['psnr']:+.2f}", f"{values['ssim']:.3f}",
                 f"{ratio:.3f}"]
            )  # fmt: skip
    header = ["protocol", "reconstruction", "recordings", "frames", "PSNR [dB]", "gain [dB]"]
    header += ["SSIM", "frame-difference error, of the input's"]
    note = (
        f"Means over the recordings of the {options.split} split, speakers never trained on; "
        f"windows of {options.window} frames, step {options.step}, one sampler step. "
        "Data range 1, the 99.5th percentile of the object. The truth is the scan with full sampling "
        "and without noise; where `ideal` is named, the object itself."
    )
    write_table(options.name, header, rows, note)
    write_json(options.name, {"training": described.get("training"), "recordings": results})


def _figures(frames: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    return {
        "psnr": psnr(frames, truth),
        "ssim": ssim(frames, truth),
        "difference": frame_difference_error(frames, truth),
    }


if __name__ == "__main__":
    main(tyro.cli(Options))
