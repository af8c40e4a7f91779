import numpy as np

from cleartract.corpora.simulated import OUTLINES
from cleartract.simulation.phantom.render import Phantom
from cleartract.simulation.phantom.speaker import Speaker

VOWEL = np.array([0.42])  # [s]


def test_frames_repeat_and_show_air_and_tissue(performance):
    tract = performance.tract_at(VOWEL)[0]
    (image, points), (again, _) = (Phantom(Speaker.random(2), 84).frame(tract) for _ in range(2))
    assert np.array_equal(image, again)
    assert points.shape == (OUTLINES["epiglottis"].stop, 2)
    assert image.min() == 0
    assert 0.6 < np.percentile(image, 99.5) < 1.6
    assert (image < 0.02).mean() > 0.15  # air before the face and in the airway


def test_tongue_is_where_its_outline_is(performance):
    speaker = Speaker.random(2)
    image, points = Phantom(speaker, 168).frame(performance.tract_at(VOWEL)[0])
    x, y = points[OUTLINES["tongue"]].mean(0) * 168 / 200
    assert image[int(y), int(x)] > 0.5 * speaker.tissue["tongue"]
