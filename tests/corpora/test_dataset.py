from dataclasses import replace

import numpy as np
import pytest
import soundfile

from cleartract.corpora.dataset import AVDataset
from cleartract.corpora.entries import hashed_split, speaker_of
from cleartract.corpora.material import undegraded
from cleartract.denoising.prepared import ModelSoundReader, PreparedRecording
from cleartract.errors import CorpusError
from cleartract.recordings.opening import open_source
from cleartract.recordings.windows import SlidingWindowTransform
from cleartract.recordings.writing import write_recording


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


def test_degradation_is_a_callable_and_gets_the_material(corpus):
    seen = []

    def degrade(material, rng):
        seen.append(material)
        made = undegraded(material, rng)
        return replace(made, noisy=made.scan + 1)

    sample = AVDataset(corpus, "train", degrade=degrade)[0]
    np.testing.assert_allclose(sample.noisy, sample.scan + 1)
    assert seen[0].error.dtype == np.complex64
    assert seen[0].truth_means.shape == (2, *sample.scan.shape[1:])


def test_the_target_chooses_the_truth(corpus):
    sample = AVDataset(corpus, "train")[0]
    assert sample.clean is sample.scan
    other = replace(sample, prepared=replace(sample.prepared, target="ideal"))
    assert other.clean is sample.ideal
    assert np.abs(sample.scan - sample.ideal).max() > 0.01


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


def test_a_window_is_prepared_as_when_it_is_denoised(tmp_path, spoken, hearing_model):
    """The mean frame, the prediction and the sound are those that denoising gets."""
    write_recording(tmp_path / "F1_1.avi", spoken, {})
    dataset = AVDataset(tmp_path, "all", SlidingWindowTransform(8, 4))
    other = dataset.with_reader(ModelSoundReader(hearing_model), 0.25)
    source = open_source(tmp_path / "F1_1.avi")
    prepared = PreparedRecording.of(source, hearing_model)
    found = other[7].prepared
    expected = replace(prepared, context=0.25).window(found.window, found.noisy)
    noisy = spoken.frames[found.window.frame_indices(len(spoken))]
    np.testing.assert_allclose(found.noisy, prepared.normalised(noisy), atol=1e-6)
    for name in ("mean", "predicted"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), atol=1e-5)
    np.testing.assert_array_equal(found.sound.waveform, expected.sound.waveform)
    assert found.sound.start == expected.sound.start
    assert dataset[7].prepared.predicted is None  # the first one is what it was
    assert (dataset.context, other.context) == (0.12, 0.25)


def test_the_mean_frame_has_the_unit_of_the_truth(corpus):
    sample = AVDataset(corpus, "train")[3]
    assert sample.prepared.predicted is None  # a second is too short to learn from
    away = np.abs(sample.prepared.mean - sample.clean.mean(0))
    assert away.mean() < 0.1 * sample.clean.max()


def test_a_short_or_real_recording_has_no_mean_frame_or_its_own(tmp_path, recording):
    for name, frames in (
        ("F1_short", recording.frames),
        ("F2_long", np.tile(recording.frames, (2, 1, 1))),
    ):
        write_recording(tmp_path / f"{name}.avi", replace(recording, frames=frames), {})
    dataset, rng = (
        AVDataset(tmp_path, "all", SlidingWindowTransform(5, 5)),
        np.random.default_rng(0),
    )
    samples = {entry.speaker: dataset.sample(entry, window, rng) for entry, window in dataset.index}
    assert samples["F1"].prepared.mean is None
    assert samples["F2"].prepared.mean.shape == recording.frames.shape[1:]
