import numpy as np
import pytest
import torch

from cleartract.cli import main
from cleartract.errors import RecordingError
from cleartract.recordings.recording import Recording
from cleartract.recordings.video_out import write_recording
from cleartract.training.adaptation import adapt, recorrupted
from cleartract.training.noise_model import NoiseModel, below_noise, rician_mean


def correlated(count, size=16, seed=0):
    """Noise with a known correlation of 0.6 between neighbours in time, twice as strong below."""
    rng = np.random.default_rng(seed)
    found = np.zeros((count, size, size))
    found[0] = rng.normal(size=(size, size))
    for frame in range(1, count):
        found[frame] = 0.6 * found[frame - 1] + 0.8 * rng.normal(size=(size, size))
    gain = np.where(np.arange(size) < size // 2, 0.1, 0.2)[:, None]
    return found * gain


def test_the_noise_model_has_strength_and_correlation_of_the_noise():
    noisy = correlated(600)
    motion = np.random.default_rng(2).random((16, 16))
    noisy[:, motion > 0.5] += np.sin(np.arange(600))[:, None]  # movement, stronger than the noise
    model = NoiseModel.of(noisy, motion, 12)
    rng = np.random.default_rng(1)
    drawn = np.stack([model.draw(rng) for _ in range(300)])
    assert drawn[:, :, 3].std() == pytest.approx(0.1, rel=0.1)
    assert drawn[:, :, -3].std() == pytest.approx(0.2, rel=0.1)
    lag = (drawn[:, 1:] * drawn[:, :-1]).mean() / (drawn**2).mean()
    assert lag == pytest.approx(0.6, abs=0.1)
    beside = (drawn[..., 1:] * drawn[..., :-1]).mean() / (drawn**2).mean()
    assert beside == pytest.approx(0, abs=0.03)


def test_noises_of_both_versions_are_independent():
    noise = torch.from_numpy(np.stack([correlated(12, seed=s) for s in range(400)]))
    fresh = torch.from_numpy(np.stack([correlated(12, seed=s) for s in range(400, 800)]))
    first, second = recorrupted(noise, fresh)
    scale = first.std() * second.std()
    for lag in range(3):
        shifted = first[:, lag:] * second[:, : 12 - lag]
        assert abs(float(shifted.mean() / scale)) < 0.03


def test_too_short_a_recording_is_refused(tiny_model, recording):
    with pytest.raises(RecordingError, match="480 frames"):
        adapt(tiny_model, [recording.excerpt(0, 20)], steps=1)


@pytest.fixture
def long_recording():
    rng = np.random.default_rng(0)
    frames = 100 + 20 * np.sin(np.arange(490) / 9)[:, None, None] + np.zeros((490, 20, 20))
    noisy = frames + 8 * rng.normal(size=frames.shape)
    from fractions import Fraction

    return Recording(noisy.astype(np.float32), Fraction(50), peak=255.0)


def test_adaptation_keeps_only_what_gains(tiny_model, long_recording):
    before = {k: v.clone() for k, v in tiny_model.state_dict().items()}
    still = adapt(tiny_model, [long_recording], steps=2, learning_rate=1e-12)
    assert not still.kept
    assert still.model is tiny_model
    moved = adapt(tiny_model, [long_recording], steps=30, learning_rate=3e-3)
    assert moved.kept  # a random model has much to gain
    assert moved.losses[1] < moved.losses[0]
    for name, tensor in tiny_model.state_dict().items():
        assert torch.equal(tensor, before[name]), name  # what came in is untouched


def test_command(tiny_model, long_recording, tmp_path, capsys):
    from cleartract.model import load_model, save_model

    weights = tmp_path / "w.safetensors"
    save_model(tiny_model, weights, {})
    write_recording(tmp_path / "r.avi", long_recording, {}, None)
    out = tmp_path / "new.safetensors"
    command = ["adapt", str(tmp_path / "r.avi"), "--weights", str(weights), "-o", str(out)]
    assert main([*command, "--steps", "25", "--learning-rate", "3e-3"]) == 0
    assert "held-out loss" in capsys.readouterr().out
    _, described = load_model(out)
    assert "r.avi" in described["training"]
    assert main(command) == 6
    assert main(["adapt", "-o", str(tmp_path / "x.txt"), str(tmp_path / "r.avi")]) == 6
    assert main(["adapt", str(tmp_path / "no.avi"), "--weights", str(weights)]) == 3


@pytest.mark.parametrize("signal", [0.0, 0.05, 0.2, 1.0, 5.0])
def test_complex_noise_is_known_from_magnitudes(signal):
    rng = np.random.default_rng(0)
    parts = 0.1 * rng.normal(size=(2, 400_000))
    magnitude = np.hypot(signal + parts[0], parts[1])
    mean, deviation = np.array([[magnitude.mean()]]), np.array([[magnitude.std()]])
    below, sigma = below_noise(mean, deviation)
    assert sigma[0, 0] == pytest.approx(0.1, rel=0.04)
    assert below[0, 0] == pytest.approx(signal, abs=0.03, rel=0.02)
    found = rician_mean(torch.tensor([signal]), torch.tensor([0.1]))
    assert float(found) == pytest.approx(magnitude.mean(), rel=0.005)
