import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from cleartract.adaptation.adapt import adapt, given_back, pooled
from cleartract.adaptation.noise_model import NoiseModel, below_noise, rician_mean
from cleartract.adaptation.noisy_source import r2r_pair
from cleartract.adaptation.settings import AdaptSettings
from cleartract.adaptation.transfer import Transfer
from cleartract.cli import main
from cleartract.errors import RecordingError
from cleartract.files import sha256
from cleartract.recordings.recording import Recording
from cleartract.recordings.writing import write_recording


def correlated(count, size=16, seed=0, strength=1.0):
    """Noise with a correlation of 0.6 between neighbours in time."""
    rng = np.random.default_rng(seed)
    noise = np.zeros((count, size, size))
    noise[0] = rng.normal(size=(size, size))
    for frame in range(1, count):
        noise[frame] = 0.6 * noise[frame - 1] + 0.8 * rng.normal(size=(size, size))
    return noise * strength


@pytest.mark.parametrize("tissue_at_rest", [True, False])
def test_the_noise_of_tissue_is_known_from_magnitudes(tissue_at_rest):
    """Air is at rest, and tissue moves, partly or all of it; noise is twice as strong below."""
    size = 48
    gain = np.where(np.arange(size) < size // 2, 0.1, 0.2)[:, None]
    clean = np.zeros((600, size, size))
    clean[:, :, size // 2 :] = 2.0
    moving = np.zeros((size, size), bool)
    moving[:, (36 if tissue_at_rest else size // 2) :] = True
    clean[:, moving] += np.sin(np.arange(600) / 5)[:, None]
    noisy = np.abs(clean + gain * (correlated(600, size, 1) + 1j * correlated(600, size, 2)))
    model = NoiseModel.of(
        noisy, clean.std(0) + 1e-6 * np.random.default_rng(0).random((size, size)), 12
    )
    for half, strength in ((slice(0, 18), 0.1), (slice(30, 48), 0.2)):
        at_rest = model.sigma[half, : 36 if tissue_at_rest else 22]
        assert np.median(at_rest) == pytest.approx(strength, rel=0.1)
        assert np.median(model.signal[half, 4:20]) < 0.6 * strength
        assert np.median(model.signal[half, 26:34]) == pytest.approx(2.0, rel=0.02)
    rng = np.random.default_rng(1)
    drawn = np.stack([model.draw(rng) for _ in range(60)])
    power = (np.abs(drawn) ** 2).mean()
    assert power == pytest.approx(2, rel=0.05)

    def together(first, second):
        return (first * second.conj()).mean().real / power

    assert together(drawn[:, 1:], drawn[:, :-1]) == pytest.approx(0.6, abs=0.08)
    assert together(drawn[..., 1:], drawn[..., :-1]) == pytest.approx(0, abs=0.04)
    assert together(drawn[:, 0], drawn[:, -1]) == pytest.approx(0, abs=0.06)  # nothing wraps


def test_recordings_without_noise_are_refused(tiny_model, long_recording):
    same = replace(long_recording, frames=np.full((490, 20, 20), 70, np.float32))
    with pytest.raises(RecordingError, match="nothing changes"):
        adapt(tiny_model, [same], AdaptSettings(steps=1))


def test_black_bars_and_borders_do_no_harm(tiny_model, long_recording, monkeypatch):
    monkeypatch.setattr("cleartract.adaptation.adapt._TWICE", 2)
    frames = np.pad(long_recording.frames, ((0, 0), (60, 4), (0, 0)))
    rng = np.random.default_rng(0)
    frames[:, -4:] = rng.integers(0, 255, (490, 4, 20))  # as in clips registered against motion
    adapted = adapt(tiny_model, [replace(long_recording, frames=frames)], AdaptSettings(steps=2))
    assert np.isfinite(adapted.losses).all()


def clips_of(recording, length=70):
    return [recording.excerpt(first, length) for first in range(0, len(recording), length)]


def test_short_clips_are_learned_from_together(tiny_model, long_recording, monkeypatch):
    gives_back(monkeypatch, -0.04)
    clips = clips_of(long_recording)
    settings = AdaptSettings(steps=10, learning_rate=3e-3)
    adapted = adapt(tiny_model, clips, settings)
    assert adapted.losses[1] < adapted.losses[0]
    with pytest.raises(RecordingError, match="6 more of 20x20 pixels: have 476 frames together"):
        adapt(tiny_model, [one.excerpt(0, 68) for one in clips], settings)
    with pytest.raises(RecordingError, match="give clips of 24 or more"):
        adapt(tiny_model, [*clips, clips[0].excerpt(0, 20)], settings)


def test_long_recordings_and_other_sizes_stand_alone(long_recording):
    other = replace(long_recording, frames=long_recording.frames[:, :18])
    groups = pooled([long_recording, *clips_of(other), long_recording], 12)
    assert [len(group) for group in groups] == [1, 1, 7]
    (together,) = pooled([*clips_of(long_recording)[:3], long_recording], 12)
    assert len(together) == 4


def test_noise_of_clips_is_that_of_one_recording_wherever_the_head_lies():
    rng = np.random.default_rng(3)
    size, sigma = 32, 0.1
    clean = np.where(np.arange(size) < 16, 0.0, 1.0) * np.ones((size, 1))
    clips = []
    for shift in range(7):
        parts = sigma * rng.normal(size=(2, 70, size, size))
        clips.append(np.hypot(np.roll(clean, shift, 1) + parts[0], parts[1]))
    still = 1e-6 * rng.random((size, size))
    model = NoiseModel.pooled(clips, still, 12)
    assert np.median(model.sigma) == pytest.approx(sigma, rel=0.1)
    assert np.median(NoiseModel.of(np.concatenate(clips), still, 12).sigma[:, 17:22]) > 1.3 * sigma
    own = model.of_clip(clips[6])
    assert np.median(own.signal[:, 23:31]) == pytest.approx(1.0, abs=0.05)
    assert np.median(own.signal[:, 8:20]) < 0.8 * sigma


def test_noises_of_both_versions_are_independent():
    noise = torch.from_numpy(np.stack([correlated(12, seed=s) for s in range(400)]))
    fresh = torch.from_numpy(np.stack([correlated(12, seed=s) for s in range(400, 800)]))
    first, second = r2r_pair(noise, fresh)
    scale = first.std() * second.std()
    for lag in range(3):
        shifted = first[:, lag:] * second[:, : 12 - lag]
        assert abs(float(shifted.mean() / scale)) < 0.03


def test_too_short_a_recording_is_refused(tiny_model, recording):
    with pytest.raises(RecordingError, match="has 20 frames, adaptation needs 480"):
        adapt(tiny_model, [recording.excerpt(0, 20)], AdaptSettings(steps=1))


@pytest.fixture
def long_recording():
    rng = np.random.default_rng(0)
    frames = 100 + 20 * np.sin(np.arange(490) / 9)[:, None, None] + np.zeros((490, 20, 20))
    noisy = frames + 8 * rng.normal(size=frames.shape)
    from fractions import Fraction

    return Recording(noisy.astype(np.float32), Fraction(50), peak=255.0)


def gives_back(monkeypatch, share):
    """Random weights take all movement away, so what they learn gives some back."""
    monkeypatch.setattr("cleartract.adaptation.adapt.given_back", lambda *_: share)


def test_adaptation_keeps_only_what_gains(tiny_model, long_recording, monkeypatch):
    gives_back(monkeypatch, -0.04)
    before = {k: v.clone() for k, v in tiny_model.state_dict().items()}
    still = adapt(tiny_model, [long_recording], AdaptSettings(steps=2, learning_rate=1e-12))
    assert not still.kept
    assert still.model is tiny_model
    moved = adapt(tiny_model, [long_recording], AdaptSettings(steps=30, learning_rate=3e-3))
    assert moved.kept  # a random model has much to gain
    assert moved.losses[1] < moved.losses[0]
    for name, tensor in tiny_model.state_dict().items():
        assert torch.equal(tensor, before[name]), name  # what came in is untouched


def test_command(tiny_model, long_recording, tmp_path, capsys, monkeypatch):
    gives_back(monkeypatch, -0.04)
    from cleartract.model.weights import load_model, save_model

    weights = tmp_path / "w.safetensors"
    save_model(tiny_model, weights, {})
    write_recording(tmp_path / "r.avi", long_recording, {})
    out = tmp_path / "new.safetensors"
    command = ["adapt", str(tmp_path / "r.avi"), "--weights", str(weights), "-o", str(out)]
    assert main([*command, "--steps", "25", "--learning-rate", "3e-3"]) == 0
    assert "held-out loss" in capsys.readouterr().out
    _, described = load_model(out)
    assert "r.avi" in described["training"]
    assert main(command) == 6
    made = json.loads((tmp_path / "new.safetensors.json").read_text())
    assert made["sha256"] == {"weights": sha256(out)}
    assert made["recordings"] == [
        {"path": str(tmp_path / "r.avi"), "sha256": sha256(tmp_path / "r.avi")}
    ]
    assert {"date", "command", "platform", "threads"} <= set(made)
    folder = tmp_path / "clips"
    folder.mkdir()
    for number, clip in enumerate(clips_of(long_recording)):
        write_recording(folder / f"{number}.avi", clip, {})
    short = [
        "adapt",
        str(folder),
        "--weights",
        str(weights),
        "-o",
        str(tmp_path / "pooled.safetensors"),
    ]
    assert main([*short, "--steps", "25", "--learning-rate", "3e-3"]) == 0
    assert "held-out loss" in capsys.readouterr().out
    assert main(["adapt", "-o", str(tmp_path / "x.txt"), str(tmp_path / "r.avi")]) == 6
    assert main(["adapt", str(tmp_path / "no.avi"), "--weights", str(weights)]) == 3


def adapted_from(folder, weights, out):
    options = [
        "--weights",
        str(weights),
        "-o",
        str(out),
        "--steps",
        "25",
        "--learning-rate",
        "3e-3",
    ]
    return main(["adapt", str(folder), *options])


def test_a_folder_is_adapted_to_past_what_cannot_be_used(
    tiny_model, long_recording, tmp_path, capsys, monkeypatch
):
    """As if the bad files were not there."""
    gives_back(monkeypatch, -0.04)
    monkeypatch.setattr("cleartract.adaptation.adapt._SURE", -np.inf)
    monkeypatch.setattr("cleartract.adaptation.adapt.LEAST_WINDOWS", 8)
    from cleartract.model.weights import load_model, save_model

    weights, folder, good = tmp_path / "w.safetensors", tmp_path / "some", tmp_path / "good"
    save_model(tiny_model, weights, {})
    folder.mkdir()
    good.mkdir()
    for number, clip in enumerate(clips_of(long_recording)[:2]):
        for place in (folder, good):
            write_recording(place / f"{number}.avi", clip, {})
    (folder / "0_text.mp4").write_text("no video")
    write_recording(folder / "3_short.avi", long_recording.excerpt(0, 20), {})
    spoiled = long_recording.frames[:100].copy()
    spoiled[7] = np.nan
    np.savez(folder / "4_nan.npz", frames=spoiled, rate=[50, 1])
    small = long_recording.excerpt(0, 60)
    write_recording(folder / "5_other.npz", replace(small, frames=small.frames[:, :18]), {})
    assert adapted_from(folder, weights, tmp_path / "a.safetensors") == 0
    said = capsys.readouterr().err
    for name in ("0_text.mp4", "3_short.avi", "4_nan.npz", "5_other.npz"):
        (line,) = [line for line in said.splitlines() if name in line]
        assert line.endswith("left out")
    assert adapted_from(good, weights, tmp_path / "b.safetensors") == 0
    (first, told), (second, same) = (load_model(tmp_path / f"{n}.safetensors") for n in "ab")
    assert told["training"] == same["training"]
    for name, tensor in first.state_dict().items():
        assert torch.equal(tensor, second.state_dict()[name]), name


def test_a_folder_of_nothing_usable_is_refused(tiny_model, long_recording, tmp_path, capsys):
    from cleartract.model.weights import save_model

    weights, folder = tmp_path / "w.safetensors", tmp_path / "bad"
    save_model(tiny_model, weights, {})
    folder.mkdir()
    (folder / "a.mp4").write_text("no video")
    (folder / "b.avi").write_text("no video")
    assert adapted_from(folder, weights, tmp_path / "a.safetensors") == 3
    assert [line.split(":")[1].strip() for line in capsys.readouterr().err.splitlines()] == [
        str(folder / "a.mp4"),
        str(folder / "b.avi"),
    ]
    for number in (0, 1):
        write_recording(folder / f"{number}.npz", long_recording.excerpt(0, 60), {})
    assert adapted_from(folder, weights, tmp_path / "a.safetensors") == 3
    assert "none of the recordings can be used" in capsys.readouterr().err
    named = folder / "a.mp4"  # by itself: a mistake
    command = ["adapt", str(named), str(folder / "0.npz"), "--weights", str(weights)]
    assert main([*command, "-o", str(tmp_path / "a.safetensors")]) == 3
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not (tmp_path / "a.safetensors").exists()


@pytest.mark.parametrize("signal", [0.0, 0.05, 0.2, 1.0, 5.0])
def test_complex_noise_is_known_from_magnitudes(signal):
    rng = np.random.default_rng(0)
    parts = 0.1 * rng.normal(size=(2, 400_000))
    magnitude = np.hypot(signal + parts[0], parts[1])
    mean, deviation = np.array([[magnitude.mean()]]), np.array([[magnitude.std()]])
    below, sigma = below_noise(mean, deviation)
    assert sigma[0, 0] == pytest.approx(0.1, rel=0.04)
    assert below[0, 0] == pytest.approx(signal, abs=0.03, rel=0.02)
    mean = rician_mean(torch.tensor([signal]), torch.tensor([0.1]))
    assert float(mean) == pytest.approx(magnitude.mean(), rel=0.005)


def test_what_averaging_takes_from_fast_movement_is_known():
    """Averages over three frames, as view sharing makes them, under noise of their own strength."""
    rng = np.random.default_rng(0)
    clean = rng.normal(size=(300, 24, 24)).astype(np.float32)
    averaged = sum(np.roll(clean, lag, 0) for lag in (-1, 0, 1)) / 3
    transfer = Transfer.of(clean, averaged + rng.normal(0, averaged.std(), clean.shape))
    frequency = np.linspace(0, 0.5, len(transfer.gains))
    expected = np.clip((1 + 2 * np.cos(2 * np.pi * frequency)) / 3, 0, 1)
    assert transfer.gains[:, 3:].mean(1) == pytest.approx(expected, abs=0.06)


def test_a_filter_of_one_changes_nothing_and_one_of_zero_keeps_the_mean():
    frames = np.random.default_rng(0).normal(size=(11, 16, 18)).astype(np.float32)
    assert Transfer(np.ones((9, 9)))(frames) == pytest.approx(frames, abs=1e-5)
    still = np.broadcast_to(frames.mean(0), frames.shape)
    assert Transfer(np.zeros((9, 9)))(frames) == pytest.approx(still, abs=1e-5)


@pytest.mark.parametrize("share", [-0.5, 0.0, 0.3])
def test_what_is_given_back_is_known(share):
    """Of what was taken a share is given back, and the picture moves otherwise as well."""
    rng = np.random.default_rng(0)
    noisy, before, other = rng.normal(size=(3, 400, 8, 8))
    after = before + share * (noisy - before) + 0.3 * other + 2.0  # what lasts does not count
    assert given_back(noisy, before, after) == pytest.approx(share, abs=0.01)


def test_weights_that_give_back_are_refused(tiny_model, long_recording):
    adapted = adapt(tiny_model, [long_recording], AdaptSettings(steps=30, learning_rate=3e-3))
    assert adapted.gain > 2.5
    assert adapted.given_back > 0
    assert not adapted.kept
    assert adapted.model is tiny_model


def test_weights_that_take_away_hardly_more_are_refused(tiny_model, long_recording, monkeypatch):
    gives_back(monkeypatch, -0.01)
    assert not adapt(tiny_model, [long_recording], AdaptSettings(steps=30, learning_rate=3e-3)).kept
