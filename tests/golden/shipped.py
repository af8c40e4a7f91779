"""What the shipped weights make of the shipped recording: python -m tests.golden.shipped rewrites it."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import numpy as np

from cleartract.denoising.denoise import denoise_recording
from cleartract.denoising.generate import generate_recording
from cleartract.denoising.settings import DenoiseSettings, GenerateSettings
from cleartract.model.weights import load_model
from cleartract.recordings.opening import open_recording

FILE = Path(__file__).with_name("shipped.npz")
LEVELS = 256  # stored steps of one grey level
LENGTH = 96  # [frames] denoised
LOST = (*range(40, 47), 80)
KEPT = {
    "with_sound": (0, 1, 17, 41, 95),
    "without_sound": (0, 17, 41, 95),
    "lost_frames": (39, 41, 43, 46, 80),
    "generated": (0, 5, 20, 39),
    "generated_reference": (0, 5, 20, 39),
}


def frames_of(case: str) -> np.ndarray:
    """Some frames of one case, (frame, height, width), grey levels from 0 to 255."""
    speech = Path(str(resources.files("cleartract.examples") / "speech.mp4"))
    recording = open_recording(speech).excerpt(0, LENGTH)
    model, _ = load_model()
    if case.startswith("generated"):
        assert recording.audio is not None
        assert recording.sample_rate is not None
        spoken = recording.audio[: recording.sample_rate // 2]
        reference = recording if case == "generated_reference" else None
        made = generate_recording(
            spoken, recording.sample_rate, model, GenerateSettings(), reference
        )
        return made.frames[list(KEPT[case])]
    observed = np.ones(LENGTH, bool)
    if case == "lost_frames":
        observed[list(LOST)] = False
    settings = DenoiseSettings(use_audio=case != "without_sound")
    restored = denoise_recording(recording, model, settings, observed=observed)
    return restored.recording.frames[list(KEPT[case])]


def main() -> None:
    stored = {case: np.round(frames_of(case) * LEVELS).astype(np.uint16) for case in KEPT}
    np.savez_compressed(FILE, **stored)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
