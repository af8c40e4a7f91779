"""The shipped weights on what recordings hold beside speech and noise."""

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest

from cleartract.denoising.denoise import denoise_recording
from cleartract.denoising.settings import DenoiseSettings
from cleartract.evaluation.full_reference import psnr
from cleartract.model.weights import load_model
from cleartract.recordings.recording import Recording
from cleartract.simulation.phantom.render import Phantom
from cleartract.simulation.phantom.speaker import Speaker
from cleartract.simulation.phantom.speech import TRACT, perform
from cleartract.simulation.scanner.artefacts import spikes
from cleartract.simulation.scanner.degradation import Degradation

RATE, SIZE, SPEECH, SILENT = Fraction(65040, 781), 84, 80, 32
PARTS = {
    "speech": slice(0, SPEECH),
    "swallowing": slice(SPEECH, SPEECH + SILENT),
    "breathing": slice(SPEECH + SILENT, SPEECH + 2 * SILENT),
}


def tract_frames():
    """Speech, then in silence the tongue closes against the palate, then the velum opens."""
    segments = [("", 0.1), ("a:", 0.2), ("g", 0.1), ("i:", 0.2), ("d", 0.1), ("u:", 0.2)]
    segments += [("N", 0.1), ("a:", 0.3), ("", 0.2)]
    speaker = Speaker.random(987_654)
    speech = perform(segments, np.random.default_rng(0), speaker.pitch, speaker.tract_size)
    spoken = speech.tract_at((np.arange(SPEECH) + 0.5) / float(RATE))
    rest, closed = spoken[-1], speech.tract_at(np.array([0.35]))[0].copy()
    closed[TRACT["VO"]] = -0.1
    there = np.sin(np.pi * np.arange(SILENT) / SILENT)[:, None] ** 2
    swallowed = (1 - there) * rest + there * closed
    breathed = np.repeat(rest[None], SILENT, 0)
    breathed[:, TRACT["VO"]] += 0.4 * there[:, 0]
    audio = speech.audio[: int(SPEECH / RATE * 20_000)]
    return speaker, np.concatenate([spoken, swallowed, breathed]), audio


@pytest.fixture(scope="module")
def truth():
    speaker, tract, audio = tract_frames()
    phantom = Phantom(speaker, 2 * SIZE)
    frames = [
        cv2.resize(phantom.frame(t)[0], (SIZE, SIZE), interpolation=cv2.INTER_AREA) for t in tract
    ]
    clean = np.stack(frames).astype(np.float32)
    clean /= np.percentile(clean, 99.5)
    breath = 1e-3 * np.random.default_rng(1).normal(size=round(2 * SILENT / RATE * 20_000))
    return Recording(clean, RATE, np.concatenate([audio, breath]).astype(np.float32), 20_000)


@pytest.fixture(scope="module")
def noisy(truth):
    drawn = Degradation(seed=3, noise=0.06, noise_blur=0.6, noise_memory=3, haze=0.04)
    return replace(truth, frames=drawn.apply(truth.frames))


@pytest.fixture(scope="module")
def restored(noisy):
    return denoised(noisy)


@pytest.fixture(scope="module")
def silent(noisy):
    return denoised(noisy, use_audio=False)


def denoised(recording, observed=None, **settings):
    model, _ = load_model()
    return denoise_recording(
        recording, model, DenoiseSettings(**settings), observed=observed
    ).recording.frames


@pytest.mark.parametrize("part", PARTS)
def test_every_kind_of_movement_gains(truth, noisy, restored, part):
    where = PARTS[part]
    before = psnr(noisy.frames[where], truth.frames[where])
    assert psnr(restored[where], truth.frames[where]) > before + 4


@pytest.mark.parametrize("part", ["swallowing", "breathing"])
def test_movement_without_sound_is_not_hushed(truth, silent, restored, part):
    """Nobody hears a tongue that is swallowed with: the model must follow the frames."""
    where = PARTS[part]
    clean = truth.frames[where]
    assert psnr(restored[where], clean) > psnr(silent[where], clean) - 0.15
    spread = clean.std(0)
    moving = spread > np.quantile(spread, 0.98)
    followed, true = restored[where][:, moving], clean[:, moving]
    followed, true = followed - followed.mean(0), true - true.mean(0)
    slope = (followed * true).sum() / (true**2).sum()
    assert 0.8 < slope < 1.15  # how much of the movement is left


def test_first_and_last_frames_are_as_clean_as_others(truth, noisy, restored):
    gains = [psnr(restored[[f]], truth.frames[[f]]) - psnr(noisy.frames[[f]], truth.frames[[f]])
             for f in range(len(restored))]  # fmt: skip
    inner = np.mean(gains[5:-5])
    assert min(gains[0], gains[-1]) > inner - 2
    assert np.mean(gains[:3] + gains[-3:]) > inner - 1


HIT, LOST = [26, 70, 71, 110], [f for first in (16, 36, 58) for f in range(first, first + 5)]


@pytest.fixture(scope="module")
def damaged(noisy):
    """Frames with spikes, and lost ones."""
    frames = noisy.frames.copy()
    waves = spikes(np.random.default_rng(0), frames[HIT].shape, 1.0, 0.12)
    frames[HIT] = np.abs(frames[HIT] + waves)
    frames[LOST] = 0
    return replace(noisy, frames=frames)


@pytest.fixture(scope="module")
def mended(damaged):
    return denoised(damaged, observed=~np.isin(np.arange(len(damaged)), LOST))


def test_spikes_go_and_touch_no_other_frame(truth, damaged, restored, mended):
    clean = truth.frames[HIT]
    assert psnr(mended[HIT], clean) > psnr(damaged.frames[HIT], clean) + 5
    assert psnr(mended[HIT], clean) > psnr(restored[HIT], clean) - 3
    others = np.setdiff1d(np.arange(len(mended)), HIT + LOST)
    before = psnr(restored[others], truth.frames[others])
    assert psnr(mended[others], truth.frames[others]) > before - 0.1


def test_lost_frames_are_better_than_their_neighbours_blended(truth, noisy, mended):
    places = np.arange(len(noisy))
    seen = np.setdiff1d(places, LOST)
    pixels = noisy.frames[seen].reshape(len(seen), -1).T
    blended = np.stack([np.interp(LOST, seen, pixel) for pixel in pixels], 1)
    blended = blended.reshape(-1, SIZE, SIZE)
    assert psnr(mended[LOST], truth.frames[LOST]) > psnr(blended, truth.frames[LOST]) + 2
