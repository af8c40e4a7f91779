import numpy as np
import pytest

from cleartract.errors import CorpusError
from cleartract.simulation.phantom import speech, utterances
from cleartract.simulation.phantom.canvas import smooth_curve
from cleartract.simulation.phantom.render import Phantom
from cleartract.simulation.phantom.speaker import Speaker


@pytest.fixture(scope="module")
def performance():
    segments = [("", 0.3), ("a:", 0.2), ("m", 0.15), ("a:", 0.2), ("", 0.3)]
    return speech.perform(segments, np.random.default_rng(0), 120.0, 0.95)


def test_the_same_seed_speaks_the_same(performance):
    again = speech.perform(performance.segments, np.random.default_rng(0), 120.0, 0.95)
    assert np.array_equal(again.audio, performance.audio)
    assert np.array_equal(again.tract, performance.tract)


def test_sound_and_motion_have_the_same_length(performance):
    assert len(performance.audio) / speech.AUDIO_RATE == pytest.approx(
        performance.duration, abs=1e-3
    )
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
    block = speech.AUDIO_RATE // 50
    energy = (performance.audio[: len(performance.audio) // block * block] ** 2).reshape(-1, block)
    loud = energy.mean(1)
    assert loud[18:23].mean() > 50 * loud[:8].mean()


@pytest.mark.parametrize("seed", range(6))
def test_utterances_are_long_enough_and_known(seed):
    rng = np.random.default_rng(seed)
    segments = utterances.random_utterance(rng, 2.0)
    assert sum(t for _, t in segments) >= 2.0
    known = set(utterances.DURATIONS) | {"Z"}
    assert {phone for phone, _ in segments} <= known
    assert all(t > 0 for _, t in segments)


def test_unknown_phones_are_refused():
    with pytest.raises(CorpusError, match="unknown phones"):
        speech.perform([("", 0.1), ("qq", 0.1)], np.random.default_rng(0), 100, 1.0)


def test_speakers_differ_and_repeat():
    assert Speaker.random(3).shape == Speaker.random(3).shape
    assert Speaker.random(3).shape != Speaker.random(4).shape


def test_warp_keeps_contact():
    speaker = Speaker.random(1)
    points = np.array([[1.0, 2.0], [1.0, 2.0], [1.0, 2.01]])
    moved = speaker.to_image(points)
    assert np.array_equal(moved[0], moved[1])
    assert np.linalg.norm(moved[0] - moved[2]) == pytest.approx(0.1, rel=0.3)  # 0.01 cm


def test_frames_repeat_and_show_air_and_tissue(performance):
    tract = performance.tract_at(np.array([0.42]))[0]
    images = []
    for _ in range(2):
        image, points = Phantom(Speaker.random(2), 84).frame(tract)
        images.append(image)
        assert points.shape == (106, 2)
    assert np.array_equal(images[0], images[1])
    image = images[0]
    assert image.min() == 0
    assert 0.6 < np.percentile(image, 99.5) < 1.6
    assert (image < 0.02).mean() > 0.15  # air before the face and in the airway


def test_tongue_is_where_its_outline_is(performance):
    speaker = Speaker.random(2)
    phantom = Phantom(speaker, 168)
    image, points = phantom.frame(performance.tract_at(np.array([0.42]))[0])
    centre = points[62:99].mean(0) * 168 / 200
    assert image[int(centre[1]), int(centre[0])] > 0.5 * speaker.tissue["tongue"]


def test_corner_cutting_keeps_ends_and_hull():
    points = np.array([[0.0, 0], [1, 0], [1, 1]])
    curve = smooth_curve(points, 3, closed=False)
    assert np.array_equal(curve[[0, -1]], points[[0, -1]])
    assert curve.min() >= 0
    assert curve.max() <= 1
