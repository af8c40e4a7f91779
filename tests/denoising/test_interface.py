"""`cleartract.denoise` and `cleartract.generate`."""

import numpy as np
import pytest
import soundfile

from cleartract.denoising.interface import denoise, generate
from cleartract.denoising.settings import DenoiseSettings
from cleartract.errors import RecordingError, UsageError, WeightsError, WindowError
from cleartract.model.weights import save_model
from cleartract.recordings.opening import open_recording
from cleartract.recordings.writing import write_recording


def test_python_interface(tmp_path, recording, tiny_model):
    path = tmp_path / "w.safetensors"
    save_model(tiny_model, path, {}, half=False)
    frames = recording.frames.astype(np.uint8)
    options = {"window_duration": 5, "step_duration": 2}
    found = denoise(frames, rate=83.28, model=path, device="cpu", **options)
    assert found.recording.frames.shape == frames.shape
    again = denoise(frames, rate=83.28, model=tiny_model, settings=DenoiseSettings(**options))
    np.testing.assert_array_equal(again.recording.frames, found.recording.frames)
    saved = open_recording(found.save(tmp_path / "a.npz"))
    np.testing.assert_array_equal(saved.frames, found.recording.frames)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({}, UsageError, "rate="),
        ({"source": "none.mp4", "rate": 50}, UsageError, "its own rate"),
        ({"source": "none.mp4"}, RecordingError, "no such file"),
        ({"rate": 50, "window_duration": 2, "step_duration": 3}, WindowError, "longer than the"),
        ({"rate": 50, "steps": 0}, UsageError, "steps"),
        ({"rate": 50, "stepps": 1}, UsageError, "stepps"),
        ({"rate": 50, "window_duration": -1}, UsageError, "window_duration"),
        ({"rate": 50, "blend": "cosine"}, UsageError, "blend"),
        ({"rate": 50, "sampler": "euler"}, UsageError, "sampler"),
        ({"rate": 50, "samples": 2}, UsageError, "samples"),
        ({"rate": 50, "guidance": float("nan")}, UsageError, "guidance"),
        ({"rate": 50, "model": "none"}, WeightsError, "no such weights"),
        ({"rate": 50, "settings": DenoiseSettings(), "steps": 2}, UsageError, "not both"),
        ({"rate": 50, "observed": np.ones(3, bool)}, WindowError, "one value for each of 24"),
        ({"rate": 50, "observed": np.zeros(24, bool)}, WindowError, "some True"),
        ({"rate": 0}, UsageError, "no frame rate"),
        ({"rate": 50, "audio_offset": float("nan")}, UsageError, "audio_offset"),
        ({"rate": 50, "audio_offset": 440}, UsageError, "at most 10 s"),
    ],
)
def test_python_interface_says_what_is_wrong(moving_frames, tiny_model, options, error, words):
    source = options.pop("source", moving_frames)
    with pytest.raises(error, match=words):
        denoise(source, **({"model": tiny_model} | options))


def test_frames_from_a_file_as_from_a_waveform(tmp_path, spoken, hearing_model):
    soundfile.write(tmp_path / "a.wav", spoken.audio[:8000], 16_000, subtype="FLOAT")
    write_recording(tmp_path / "speaker.npz", spoken, {})
    options = {"window_duration": 6, "step_duration": 4, "model": hearing_model}
    found = generate(tmp_path / "a.wav", reference=tmp_path / "speaker.npz", **options)
    again = generate(spoken.audio[:8000], sample_rate=16_000, reference=spoken, **options)
    np.testing.assert_array_equal(found.recording.frames, again.recording.frames)
    assert found.used["generated"] is True
    saved = open_recording(found.save(tmp_path / "a.npz"))
    np.testing.assert_array_equal(saved.frames, found.recording.frames)
    with pytest.raises(UsageError, match="sample_rate="):
        generate(spoken.audio, model=hearing_model)
    with pytest.raises(UsageError, match="rate"):
        generate(spoken.audio, sample_rate=16_000, rate="0", model=hearing_model)


def test_observed_may_be_numbers_or_a_list(moving_frames, tiny_model):
    mask = np.ones(24, bool)
    mask[3] = False
    wanted, *others = (
        denoise(moving_frames, rate=50, model=tiny_model, observed=kind).recording.frames
        for kind in (mask, mask.astype(int), mask.tolist())
    )
    for other in others:
        np.testing.assert_array_equal(other, wanted)


def test_generation_says_what_is_wrong(hearing_model):
    waveform = np.zeros(4000, np.float32)
    with pytest.raises(UsageError, match="give a path or a waveform"):
        generate(5, model=hearing_model)
    with pytest.raises(UsageError, match="one sample"):
        generate(waveform, sample_rate=8000, model=hearing_model, samples=3, steps=2)
    numeric = generate(waveform, sample_rate=8000, model=hearing_model, rate=23.18, size=32)
    assert float(numeric.recording.rate) == pytest.approx(23.18)
