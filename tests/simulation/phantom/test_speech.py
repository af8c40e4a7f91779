import numpy as np
import pytest

from cleartract.corpora.simulated import OUTLINES
from cleartract.errors import CorpusError
from cleartract.simulation.phantom import speech
from tests.simulation.phantom.conftest import speak


def test_the_same_seed_speaks_the_same(performance):
    again = speak()
    assert np.array_equal(again.audio, performance.audio)
    assert np.array_equal(again.tract, performance.tract)


def test_sound_and_motion_have_the_same_length(performance):
    sound = len(performance.audio) / speech.SOUND_RATE
    assert sound == pytest.approx(performance.duration, abs=1e-3)
    assert performance.duration == pytest.approx(1.15, abs=0.1)
    assert np.abs(performance.audio).max() == pytest.approx(0.5, abs=0.01)


def test_lips_close_for_m_and_velum_lowers(performance):
    times = np.linspace(0, performance.duration, 200)
    tract = performance.tract_at(times)
    lips, velum = tract[:, speech.TRACT["LD"]], tract[:, speech.TRACT["VO"]]
    nasal = np.abs(times - 0.57).argmin()
    vowel = np.abs(times - 0.42).argmin()
    assert lips[nasal] < lips[vowel]
    assert velum[nasal] > velum[vowel]


def test_rest_posture_in_the_long_pause(performance):
    tract = performance.tract_at(np.array([0.02]))[0]
    assert tract[speech.TRACT["VO"]] > 0.2


def test_sound_is_where_the_vowel_is(performance):
    block = speech.SOUND_RATE // 50
    energy = (performance.audio[: len(performance.audio) // block * block] ** 2).reshape(-1, block)
    loud = energy.mean(1)
    assert loud[18:23].mean() > 50 * loud[:8].mean()


def test_unknown_phones_are_refused():
    with pytest.raises(CorpusError, match="unknown phones"):
        speech.perform([("", 0.1), ("qq", 0.1)], np.random.default_rng(0), 100, 1.0)


def test_outlines_have_as_many_points_as_files_have_places(performance):
    curves = speech.outlines(performance.tract[0])
    sizes = {name: len(range(200)[part]) for name, part in OUTLINES.items()}
    assert {name: len(points) for name, points in curves.items()} == sizes


def test_a_synthesizer_that_cannot_write_is_one_line(monkeypatch):
    """As on a full disk; the library itself says so on many lines."""
    vtl = pytest.importorskip("vocaltractlab_cython")

    def full(*_):
        raise ValueError("error code 2\nwhich probably means\n...")

    monkeypatch.setattr(vtl, "gesture_file_to_motor_file", full)
    with pytest.raises(CorpusError, match="is the disk full") as caught:
        speak()
    assert "\n" not in str(caught.value)
