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

BOUND = 6.0  # grey levels of 255, root mean square; the noise of the recording is about 10


@pytest.fixture(scope="module")
def speech() -> Recording:
    """Four frames around lips and tongue, (4, 48, 48)."""
    path = Path(str(resources.files("cleartract.examples") / "speech.mp4"))
    recording = open_recording(path)
    frames = np.ascontiguousarray(recording.frames[100:104, 20:68, 10:58])
    return Recording(frames, recording.rate, peak=255.0)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_number_of_steps_stays_near_the_posterior_mean(speech, sampler):
    """More steps add texture to the posterior mean; they never leave it."""
    model, _ = load_model()

    def restored(steps: int) -> np.ndarray:
        settings = DenoiseSettings(window_duration=4, sampler=sampler, steps=steps, step_duration=4)
        return denoise_recording(speech, model, settings).recording.frames

    mean = restored(1)
    distances = [np.sqrt(((restored(steps) - mean) ** 2).mean()) for steps in range(2, 21)]
    assert max(distances) < BOUND
