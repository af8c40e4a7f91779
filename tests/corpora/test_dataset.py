from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import soundfile

from cleartract.corpora.dataset import AVDataset
from cleartract.corpora.entries import hashed_split, speaker_of
from cleartract.errors import CorpusError
from cleartract.recordings.video_out import write_recording
from cleartract.recordings.windows import SlidingWindowTransform, Window
from cleartract.sound.prediction import Moments


def test_simulated_windows(corpus):
    dataset = AVDataset(corpus, "train", SlidingWindowTransform(8, 4))
    sample = dataset[3]
    assert sample.clean.shape == sample.noisy.shape
    assert sample.clean.shape[0] == 8
    assert not np.array_equal(sample.clean, sample.noisy)
    assert len(sample.waveform) == sample.window.audio_span(16_000, 0.12)[1]
    again = dataset[3]
    assert np.array_equal(sample.noisy, again.noisy)


def test_splits_share_no_speaker(corpus):
    speakers = [
        {entry.speaker for entry in AVDataset(corpus, split).entries}
        for split in ("train", "validation", "test")
    ]
    assert sum(len(s) for s in speakers) == len(set().union(*speakers)) == 3
    assert len(AVDataset(corpus, "all").entries) == 3


def test_degradation_is_a_callable_and_gets_the_error(corpus):
    seen = []

    def degrade(clean, error, told, rng):
        seen.append((clean.shape, error.dtype))
        return clean, clean + 1, told

    sample = AVDataset(corpus, "train", degrade=degrade)[0]
    np.testing.assert_allclose(sample.noisy, sample.clean + 1)
    assert seen[0][1] == np.complex64


def test_usc_layout_and_companion_sound(tmp_path, recording, sound):
    folder = tmp_path / "sub001" / "2drt" / "video"
    folder.mkdir(parents=True)
    write_recording(folder / "sub001_2drt_01_vcv1_r1_video.mp4", recording, {})
    pairs = tmp_path / "F1_014.avi"
    write_recording(pairs, recording, {})
    soundfile.write(tmp_path / "F1_014.wav", sound[0], sound[1])
    dataset = AVDataset(tmp_path, "all", SlidingWindowTransform(5, 5))
    assert {entry.speaker for entry in dataset.entries} == {"sub001", "F1"}
    assert [entry.frames for entry in dataset.entries] == [24, 24]
    sample = dataset[0]
    assert sample.waveform is not None
    assert np.array_equal(sample.clean, sample.noisy)
    assert np.percentile(sample.clean, 99) < 1.5


def test_speakers_and_hashed_splits(tmp_path):
    assert speaker_of(tmp_path / "sub012" / "2drt" / "video" / "x.mp4") == "sub012"
    assert speaker_of(tmp_path / "M3_406.avi") == "M3"
    splits = [hashed_split(f"sub{n:03d}") for n in range(1, 400)]
    assert splits.count("train") / len(splits) == pytest.approx(0.75, abs=0.06)
    assert hashed_split("sub001") == hashed_split("sub001")


def test_cache_is_limited(corpus):
    dataset = AVDataset(corpus, "all", cache_bytes=1)
    for item in (0, len(dataset) - 1):
        assert dataset[item].clean.size
    assert len(dataset._cache) == 0


def test_empty_folders_are_errors(tmp_path):
    with pytest.raises(CorpusError, match="no recordings"):
        AVDataset(tmp_path)
    with pytest.raises(CorpusError, match="no such folder"):
        AVDataset(tmp_path / "none")


def test_what_sound_tells_of_a_window_has_not_seen_it(corpus):
    """From noise alone nothing of a window's own noise comes back; of other windows it does."""
    rng = np.random.default_rng(0)
    dataset = AVDataset(
        corpus, "train", articulation=lambda audio, times: np.zeros((len(times), 19))
    )
    noise = rng.normal(1, 0.2, (300, 20, 20)).astype(np.float32)
    features = rng.normal(size=(300, 19)).astype(np.float32)
    loaded = replace(
        dataset._load(dataset.entries[0]), clean=noise, simulated=None, features=features
    )
    loaded.acoustic[""] = (Moments.of(features, noise), np.ones((20, 20), np.float32))
    window = Window(120, 12, Fraction(80))
    told = dataset._predicted(loaded, "", window, rng)
    assert told.shape == (13, 20, 20)

    def alike(frames):
        return np.corrcoef((told[:-1] - told[-1]).ravel(), (frames - 1).ravel())[0, 1]

    assert abs(alike(noise[120:132])) < 0.05
    everything = loaded.acoustic[""][0].predict(features[120:132])
    seen = np.corrcoef((everything - noise.mean(0)).ravel(), noise[120:132].ravel())[0, 1]
    assert seen > 0.15
