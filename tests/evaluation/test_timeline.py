from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cleartract.evaluation.measure import Subject
from cleartract.evaluation.plots import figure_png
from cleartract.evaluation.timeline import timeline
from cleartract.recordings.annotations import Annotation, Interval, Tier

RATE = 83.0


@pytest.fixture
def subject(moving_frames):
    truth = moving_frames / 200
    return Subject("disc", RATE, truth, noisy=truth, truth=truth)


@pytest.fixture
def silence():
    return np.zeros(8000, np.float32), 20_000


def annotated(**tiers) -> Annotation:
    """Tiers of (start, end, label)."""
    return Annotation(
        Path("a.TextGrid"),
        tuple(
            Tier(name, tuple(Interval(*one) for one in spans), False)
            for name, spans in tiers.items()
        ),
    )


def row(figure, name):
    return next(axis for axis in figure.axes if axis.get_ylabel() == name)


def labels(axis) -> list[str]:
    return [text.get_text() for text in axis.texts]


def test_all_rows_share_one_time_axis(subject, silence):
    spoken = annotated(words=[(0.0, 0.2, "da")], phones=[(0.0, 0.1, "d"), (0.1, 0.2, "a")])
    figure = timeline(subject, silence, spoken)
    names = [axis.get_ylabel() for axis in figure.axes]
    for name in ("noisy", "denoised", "truth", "residual", "sound", "[Hz]", "words", "phones"):
        assert name in names
    duration = len(subject.denoised) / RATE
    assert {tuple(axis.get_xlim()) for axis in figure.axes} == {(0, duration)}
    assert len({tuple(axis.bbox.intervalx.round(6)) for axis in figure.axes}) == 1
    picture = row(figure, "denoised").images[0]
    assert picture.get_extent()[:2] == [0, duration]
    assert picture.get_array().shape[1] == len(subject.denoised)
    assert row(figure, "noisy").bbox.width >= 2 * len(subject.denoised)  # no frame is squeezed
    assert figure_png(figure)[:4] == b"\x89PNG"


def test_what_is_not_there_is_not_drawn(subject):
    still = replace(subject, lines=[], noisy=None, truth=None)
    figure = timeline(still, None, annotated(words=[(0.0, 0.2, "da")]))
    assert [axis.get_ylabel() for axis in figure.axes] == ["denoised", "words"]
    assert figure_png(figure)[:4] == b"\x89PNG"
    assert len(timeline(still, None).axes) == 1


def test_labels_never_overlap_and_stay_inside(subject):
    frames = np.repeat(subject.denoised, 20, 0)
    long = Subject("long", RATE, frames, lines=[])
    duration = len(frames) / RATE
    edges = np.linspace(0, duration, 400)
    words = [
        (a, b, "mm" * (1 + i % 4)) for i, (a, b) in enumerate(zip(edges, edges[1:], strict=False))
    ]
    figure = timeline(long, None, annotated(words=words))
    axis = row(figure, "words")
    boxes = [text.get_window_extent() for text in axis.texts]
    assert 20 < len(boxes) < 399
    assert all(one.x1 < other.x0 for one, other in zip(boxes, boxes[1:], strict=False))
    assert boxes[0].x0 >= axis.bbox.x0
    assert boxes[-1].x1 <= axis.bbox.x1
    roomy = [(i, i + 1, "mm") for i in range(int(duration))]
    assert labels(row(timeline(long, None, annotated(words=roomy)), "words")) == ["mm"] * len(roomy)


def test_scripts_that_the_font_lacks_give_no_warning(subject, recwarn):
    figure_png(timeline(subject, None, annotated(words=[(0.0, 0.2, "発音")])))
    assert not [one for one in recwarn if "Glyph" in str(one.message)]


def test_a_label_stands_over_its_time_and_beyond_the_recording_is_nothing(subject):
    duration = len(subject.denoised) / RATE
    spans = [(-1.0, 0.0, "before"), (0.1, 0.2, "in $x^$ {"), (duration, 9.0, "after")]
    figure = timeline(subject, None, annotated(words=spans))
    (text,) = row(figure, "words").texts
    assert text.get_text() == "in $x^$ {"
    assert text.get_position()[0] == pytest.approx(0.15)
    assert figure_png(figure)[:4] == b"\x89PNG"  # a label is no formula
