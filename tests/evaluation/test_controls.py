from dataclasses import replace

import numpy as np
import pytest

from cleartract.corpora.dataset import AVDataset
from cleartract.corpora.simulated import SimulatedRecording
from cleartract.denoising.denoise import denoise_recording
from cleartract.denoising.settings import DenoiseSettings
from cleartract.errors import WindowError
from cleartract.evaluation.controls import (
    CONTROLS,
    METRICS,
    SITUATIONS,
    ControlSetup,
    lost_runs,
    run_controls,
    with_control,
)
from cleartract.evaluation.measure import Subject


def test_controls_change_the_sound_and_nothing_else(recording):
    other = np.linspace(-1, 1, 100, dtype=np.float32)
    shift = round(0.144 * recording.sample_rate)
    sounds = {c: with_control(recording, c, other) for c in CONTROLS}
    assert sounds["null"] is None
    for control, changed in sounds.items():
        if changed is not None:
            assert changed.frames is recording.frames
            assert changed.audio.shape == recording.audio.shape, control
            assert changed.audio.dtype == np.float32, control
    np.testing.assert_array_equal(sounds["144 ms late"].audio[shift:], recording.audio[:-shift])
    np.testing.assert_array_equal(sounds["144 ms early"].audio[:-shift], recording.audio[shift:])
    np.testing.assert_array_equal(sounds["swapped"].audio[:100], other)
    assert not sounds["silence"].audio.any()
    assert sounds["noise"].audio.std() == pytest.approx(recording.audio.std(), rel=0.05)
    with pytest.raises(ValueError, match="unknown control"):
        with_control(recording, "louder", other)


def test_lost_runs_are_one_to_eight_frames_long():
    lost = lost_runs(400)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], lost, [0]])))
    lengths = set(edges[1::2] - edges[::2])
    assert lengths == set(range(1, 9))
    assert not lost[:8].any()
    assert (lost_runs(400) == lost).all()
    for total in (4, 10, 16, 30):
        few = lost_runs(total)
        assert few.any()
        assert not few.all()


@pytest.fixture(scope="module")
def simulated(short_corpus):
    return SimulatedRecording.load(AVDataset(short_corpus, "test").entries[0].path)


def test_null_control_is_denoising_without_sound(simulated, small_model):
    noisy, settings = simulated.noisy("view_shared"), DenoiseSettings()
    truth = simulated.truth().frames
    subject = Subject("s", float(simulated.rate), truth, None, truth, simulated.outlines)
    setup = ControlSetup(noisy.audio[::-1])
    by_control = run_controls(subject, noisy, setup, small_model, settings)
    assert list(by_control) == list(CONTROLS)
    for result in by_control.values():
        assert set(result.metrics) == set(METRICS)
        for row in result.metrics.values():
            assert set(row) == set(SITUATIONS)
            assert all(np.isfinite(v) for v in row.values())
    silent = settings.model_copy(update={"use_audio": False})
    restored = denoise_recording(noisy, small_model, silent).recording.frames
    band = subject.airway()
    expected = -10 * np.log10(((restored - truth)[band] ** 2).mean())
    measured = by_control["null"].metrics["psnr_airway"]["all frames"]
    assert measured == pytest.approx(expected, abs=1e-4)


def test_lost_frames_do_not_reach_the_result(recording, small_model):
    observed = np.ones(len(recording), bool)
    observed[10:14] = False
    settings = DenoiseSettings()
    frames = recording.frames.copy()
    frames[10:14] = 255 - 3 * frames[10:14, ::-1, ::-1]
    changed = replace(recording, frames=frames)

    def denoised(source, **lost):
        return denoise_recording(source, small_model, settings, **lost).recording.frames

    restored = denoised(changed, observed=observed)
    expected = denoised(recording, observed=observed)
    np.testing.assert_allclose(restored.clip(0), expected.clip(0), atol=1e-3)
    with pytest.raises(WindowError, match="24 frames"):
        denoised(recording, observed=observed[:5])
    assert np.abs(denoised(changed) - restored)[10:14].max() > 1
