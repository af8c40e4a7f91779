import numpy as np
import pytest

from cleartract.denoising.noise_survey import NoisePass, SpikePass

SIZE = (28, 30)


def measured(frames, seen=None, chunk=64):
    collected = NoisePass(frames.shape[1:])
    seen = np.ones(len(frames), bool) if seen is None else seen
    for first in range(0, len(frames), chunk):
        collected.add(frames[first : first + chunk], seen[first : first + chunk])
    return collected.result()


def white(frames=600, seed=0):
    return np.random.default_rng(seed).normal(0, 5, (frames, *SIZE)).astype(np.float32)


def anatomy(frames):
    """A picture of which one part moves."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    still = 100 + 50 * np.sin(y / 5) * np.cos(x / 4)
    moving = 60 * np.sin(np.arange(frames) / 9)[:, None, None] * (np.hypot(y - 14, x - 14) < 6)
    return (still + moving).astype(np.float32)


def test_level_and_correlation_of_white_noise():
    found = measured(anatomy(600) + white())
    assert found.level == pytest.approx(5, rel=0.07)
    np.testing.assert_allclose(found.in_time, 0, atol=0.05)
    np.testing.assert_allclose(found.in_space, 0, atol=0.05)
    assert found.strength[14, 14] > found.level  # where things move it is too high
    assert found.strength.shape == SIZE


def test_correlation_in_time_and_space():
    fresh = white(601)
    blended = (fresh[1:] + fresh[:-1]) / np.sqrt(2)  # each frame shares half with its neighbours
    found = measured(anatomy(600) + blended)
    assert found.level == pytest.approx(5, rel=0.1)
    np.testing.assert_allclose(found.in_time, [0.5, 0, 0], atol=0.08)
    beside = (fresh[:, :, 1:] + fresh[:, :, :-1]) / np.sqrt(2)
    found = measured(anatomy(601)[:, :, 1:] + beside)
    np.testing.assert_allclose(found.in_space, [0, 0.5], atol=0.05)


@pytest.mark.parametrize("chunk", [1, 3, 50])
def test_chunks_do_not_matter(chunk):
    frames = anatomy(50) + white(50)
    seen = np.ones(50, bool)
    seen[[0, 20, 21]] = False
    found, expected = measured(frames, seen, chunk), measured(frames, seen, 64)
    np.testing.assert_allclose(found.strength, expected.strength, rtol=1e-5)
    np.testing.assert_allclose(found.in_time, expected.in_time, atol=1e-5)


def test_lost_frames_do_not_count():
    frames = anatomy(80) + white(80)
    seen = np.ones(80, bool)
    seen[30:35] = False
    other = frames.copy()
    other[30:35] = 1e4
    np.testing.assert_array_equal(measured(frames, seen).strength, measured(other, seen).strength)


@pytest.mark.parametrize("frames", [1, 4])
def test_too_few_frames_have_no_noise(frames):
    assert measured(white(frames)) is None


def herringbone(strength):
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    return strength * np.cos(2 * np.pi * (11 * y / SIZE[0] + 9 * x / SIZE[1]))


def spikes(frames, chunk=64):
    found = SpikePass(frames[:400])
    for first in range(0, len(frames), chunk):
        found.add(frames[first : first + chunk])
    return found.result()


def test_moving_frames_with_noise_have_no_spikes():
    assert spikes(anatomy(500) + white(500)) == ()
    assert spikes(anatomy(500)) == ()


@pytest.mark.parametrize("hit", [(20,), (63, 64, 65), (1, 450), (5, 90, 300)])
@pytest.mark.parametrize("chunk", [1, 7, 64])
def test_a_herringbone_is_found(hit, chunk):
    frames = anatomy(500) + white(500)
    for number, frame in enumerate(hit):
        frames[frame] += herringbone(25 + number)
    if hit == (63, 64, 65):  # alike in neighbours, it is no spike of a single frame
        frames[64] -= herringbone(20)
        assert set(spikes(frames, chunk)) <= set(hit)
    else:
        assert spikes(frames, chunk) == hit


def test_artefacts_that_come_back_are_told_from_noise_of_the_receiver():
    rng = np.random.default_rng(2)
    artefact = rng.normal(0, 5, (13, *SIZE))[np.arange(600) % 13].astype(np.float32)
    repeating = measured(anatomy(600) + artefact + 0.3 * white())
    assert repeating.undersampling > 0.5
    assert measured(anatomy(600) + white()).undersampling < 0.05


def test_noise_in_another_unit():
    found = measured(anatomy(100) + white(100))
    half = found.scaled(0.5)
    np.testing.assert_allclose(half.strength, found.strength / 2, rtol=1e-6)
    assert half.facts[0] == pytest.approx(found.facts[0] / 2)
    assert half.facts[1:] == found.facts[1:]


def test_few_frames_do_not_tell_the_noise_unless_it_is_known_what_is_still():
    """The half that changes least by chance would look too quiet."""
    few, everywhere = white(14), np.ones(SIZE, bool)
    collected = NoisePass(SIZE)
    collected.add(few, np.ones(14, bool))
    assert collected.result(everywhere).level == pytest.approx(5, rel=0.05)
    assert collected.result() is None
    assert measured(white(30)).level == pytest.approx(5, rel=0.05)


def test_pixels_without_image_do_not_count():
    frames = np.zeros((200, 60, 60), np.float32)
    frames[:, 10:38, 10:40] = anatomy(200) + white(200)
    found = measured(frames)
    assert found.level == pytest.approx(5, rel=0.1)
    np.testing.assert_allclose(found.in_time, 0, atol=0.06)
    assert measured(np.zeros((60, *SIZE), np.float32)) is None
