from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from cleartract.denoising.denoise import denoise_recording
from cleartract.denoising.settings import DenoiseSettings
from cleartract.diffusion.samplers import SAMPLERS
from cleartract.model.weights import load_model
from cleartract.recordings.opening import open_recording
from cleartract.recordings.recording import Recording


@pytest.fixture(scope="module")
def speech() -> Recording:
    """Three frames around lips and tongue, (3, 40, 40)."""
    path = Path(str(resources.files("cleartract.examples") / "speech.mp4"))
    recording = open_recording(path)
    frames = np.ascontiguousarray(recording.frames[100:103, 24:64, 14:54])
    return Recording(frames, recording.rate, peak=255.0)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_number_of_steps_stays_near_the_posterior_mean(speech, sampler):
    """More steps add texture to the posterior mean, of the size of what denoising took away."""
    model, _ = load_model()

    def restored(steps: int) -> np.ndarray:
        settings = DenoiseSettings(window_duration=3, sampler=sampler, steps=steps, step_duration=3)
        return denoise_recording(speech, model, settings).recording.frames

    mean = restored(1)
    distances = [np.sqrt(((restored(steps) - mean) ** 2).mean()) for steps in range(2, 21)]
    taken = np.sqrt(((speech.frames - mean) ** 2).mean())
    assert max(distances) < 2 * taken
