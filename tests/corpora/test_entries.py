import numpy as np
import pytest

from cleartract.corpora.entries import find_entries
from cleartract.corpora.simulated import SimulatedRecording
from cleartract.errors import CorpusError, RecordingError


def test_simulated_entries_agree_with_their_files(corpus):
    entries = find_entries(corpus, "all")
    for entry in entries:
        simulated = SimulatedRecording.load(entry.path)
        assert entry.simulated
        assert (entry.frames, *entry.size) == simulated.clean.shape
        assert (entry.rate, entry.speaker) == (simulated.rate, simulated.parameters["speaker"])
    splits = ("train", "validation", "test")
    by_split = [entry for split in splits for entry in find_entries(corpus, split)]
    assert sorted(by_split, key=lambda entry: entry.path) == entries


def test_a_missing_split_says_what_to_add(corpus):
    with pytest.raises(CorpusError, match=r"no recordings of the split 'night' among 3; .*add"):
        find_entries(corpus, "night")


def test_a_damaged_recording_is_named(tmp_path):
    np.savez(tmp_path / "recording00.npz", frames=np.zeros((2, 16, 16)))
    with pytest.raises(RecordingError, match=r"recording00\.npz: not a simulated recording"):
        find_entries(tmp_path, "all")


def test_what_a_killed_run_has_left_is_no_recording(tmp_path, recording):
    from cleartract.corpora.entries import find_entries
    from cleartract.recordings.writing import write_recording

    write_recording(tmp_path / "f1_a.avi", recording, {})
    for hidden in (".f1_b.0123.partial.avi", ".f1_c.mp4.partial/.f1_c.0123.partial.avi"):
        write_recording(tmp_path / hidden, recording, {})
    assert [entry.path.name for entry in find_entries(tmp_path, "all")] == ["f1_a.avi"]
