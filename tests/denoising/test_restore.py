"""The second pass: from files as from memory, from any frame on as from the first."""

import threading

import numpy as np
import pytest

from cleartract.denoising.denoise import denoise_recording
from cleartract.denoising.prepared import PreparedRecording
from cleartract.denoising.restore import Restoration
from cleartract.denoising.settings import DenoiseSettings
from cleartract.recordings.array_reader import ArraySource
from cleartract.recordings.opening import open_recording, open_source
from cleartract.recordings.source import RecordingSource
from cleartract.recordings.video_reader import VideoSource
from cleartract.recordings.writing import write_recording

SETTINGS = DenoiseSettings(window_duration=8, step_duration=5, batch=2, fidelity=0)


def restoration(source, model, settings=SETTINGS, lost=()):
    return Restoration(source, PreparedRecording.of(source, model, settings, lost), model, settings)


@pytest.mark.parametrize(
    ("name", "kind"), [("a.npz", ArraySource), ("a.avi", VideoSource), ("a.mp4", VideoSource)]
)
def test_a_file_is_denoised_as_its_frames_in_memory(tmp_path, spoken, hearing_model, name, kind):
    write_recording(tmp_path / name, spoken, {})
    source = open_source(tmp_path / name)
    assert isinstance(source, kind)
    pieces = list(restoration(source, hearing_model).pieces())
    found = np.concatenate([piece.frames for piece in pieces])
    expected = denoise_recording(open_recording(tmp_path / name), hearing_model, SETTINGS)
    np.testing.assert_array_equal(found, expected.recording.frames)


@pytest.mark.parametrize(("batch", "samples"), [(2, 1), (3, 1), (2, 3), (3, 3)])
def test_frames_do_not_depend_on_where_a_run_begins(spoken, hearing_model, batch, samples):
    steps = 1 if samples == 1 else 2
    values = {"batch": batch, "samples": samples, "steps": steps, "sampler": "ddpm"}
    source = RecordingSource(spoken.excerpt(0, 40))
    restored = restoration(source, hearing_model, SETTINGS.model_copy(update=values))
    pieces = list(restored.pieces())
    whole = np.concatenate([piece.frames for piece in pieces])
    spread = [piece.uncertainty for piece in pieces]
    for first in (1, pieces[1].first, pieces[2].first, 17, 39):
        again = list(restored.pieces(first=first))
        assert again[0].first == first
        np.testing.assert_array_equal(np.concatenate([p.frames for p in again]), whole[first:])
        if samples > 1:
            parts = np.concatenate([p.uncertainty for p in again])
            np.testing.assert_array_equal(parts, np.concatenate(spread)[first:])


def test_frames_are_handed_out_as_soon_as_no_window_touches_them(spoken, hearing_model):
    restored = restoration(RecordingSource(spoken), hearing_model)
    told = []
    pieces = restored.pieces(lambda *where: told.append(where))
    first = next(pieces)
    assert (first.first, len(first.frames)) == (0, 10)  # two windows, a step of 5
    assert told == [(0, len(restored.windows))]
    rest = list(pieces)
    ends = [piece.first + len(piece.frames) for piece in (first, *rest)]
    assert [piece.first for piece in rest] == ends[:-1]
    assert ends[-1] == len(spoken)
    assert told[-1] == (len(restored.windows), len(restored.windows))


def test_stopping_early_ends_the_reading(spoken, hearing_model):
    before = threading.active_count()
    pieces = restoration(RecordingSource(spoken), hearing_model).pieces()
    next(pieces)
    pieces.close()
    assert threading.active_count() == before


def test_few_frames_are_held(spoken, hearing_model):
    """Whatever the length: those of the windows at hand and a few chunks."""
    tiles = np.tile(spoken.frames, (8, 1, 1))
    source = RecordingSource(type(spoken)(tiles, spoken.rate, peak=255.0))
    restored = restoration(source, hearing_model)
    held = []
    whole = restored._prepare

    def prepare(around, *window):
        prepared = whole(around, *window)
        held.append(len(around._raw))
        return prepared

    restored._prepare = prepare
    for number, _ in enumerate(restored.pieces()):
        if number == 40:
            break
    assert max(held) <= 2 * 64


def test_the_sidecar_says_how(spoken, hearing_model, monkeypatch):
    restored = restoration(RecordingSource(spoken), hearing_model, lost=(3,))
    list(restored.pieces())
    used = restored.described()
    assert (used["window_frames"], used["step_frames"], used["batch_used"]) == (8, 5, 2)
    assert used["lost_frames"] == [3]
    assert used["audio_used"] is True
    silent = restoration(RecordingSource(spoken), hearing_model)
    monkeypatch.setattr(PreparedRecording, "sound_skill", 0.0)
    assert silent.described()["audio_used"] is False  # measured to tell nothing: not used
    assert restored.made == len(spoken)
    assert restored.timing()["frames_per_second"] > 0
