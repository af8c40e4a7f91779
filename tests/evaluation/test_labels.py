"""Figures as a person reads them."""

import pytest

from cleartract.evaluation.evaluate import evaluate
from cleartract.evaluation.labels import label_of, plain_verdict, verdict
from cleartract.evaluation.report import table_rows


def test_without_a_truth_nothing_is_called_an_error(moving):
    noisy, denoised = moving
    measured = evaluate(denoised, noisy=noisy).measured
    rows = table_rows(measured)
    assert not [name for name, *_ in rows if "error" in name or "missed" in name]
    changes = [row for row in rows if "closures" in row[0] or row[0].endswith(": change")]
    assert changes
    assert not [row for row in changes if row[4]]  # nothing says which way is better
    truth = table_rows(evaluate(denoised, truth=noisy, noisy=noisy).measured)
    assert [row for row in truth if row[0].endswith(": error") and row[1] == "mm"]


def test_every_figure_has_a_label(moving):
    noisy, denoised = moving
    measured = evaluate(denoised, truth=noisy, noisy=noisy).measured
    for name, *_ in table_rows(measured):
        assert "_" not in name
    for group in ("with_truth", "without_truth"):
        for name in measured[group]:
            assert label_of(name, True).text != name.replace("_", " "), name


def test_shares_are_per_cent():
    assert label_of("line 1 events_missed", True).shown(0.25) == "25"
    assert label_of("residual still_bias", False).shown(0.013) == "1.3"
    covered = label_of("uncertainty coverage_50%_airway", True)
    assert (covered.text, covered.better) == (
        "truth inside the 50 % interval in the airway",
        "50 % is best",
    )
    assert covered.shown(0.481) == "48.1"
    assert label_of("psnr", True).shown(31.26) == "31.3"
    assert label_of("psnr", True).shown(float("nan")) == "–"


def test_figures_that_can_fall_below_their_best_value_are_not_better_the_lower(moving):
    """Correlations, biases: -0.3 is no better than 0.3."""
    noisy, denoised = moving
    rows = table_rows(evaluate(denoised, truth=noisy, noisy=noisy).measured)
    signed = ("correlation with edges", "correlation with movement", "with fine structure",
              "beyond that of noise", "change of what does not change", "too wide, on average")  # fmt: skip
    for part in signed:
        found = [row for row in rows if row[0].endswith(part)]
        assert found, part
        assert {row[4] for row in found} == {"0 is best"}


def test_the_verdict_names_the_worst_line_first():
    def line(amount, gone=0.0, late=2.0):
        values = {"error_mm": amount, "events_missed": gone, "timing_error_ms": late}
        return {name: {"denoised": value} for name, value in values.items()}

    articulation = {"line 1": line(0.4), "line 2": line(2.4), "line 3": line(1.2, 0.5, 40.0)}
    said = verdict({"articulation": articulation})
    assert any("changed by 2.4 mm: check line 2" in text for text in said)
    assert any("line 3: 50 % of its closures and releases are gone" in text for text in said)
    assert any("line 3" in text and "40 ms" in text for text in said)
    assert not any("line 1" in text for text in said)
    known = verdict({"articulation": articulation, "with_truth": {}})
    assert any("off by 2.4 mm" in text for text in known)
    assert verdict({"articulation": {"line 1": line(0.2)}}) == []


def test_a_verdict_is_always_given():
    def line(**values):
        return {name: {"denoised": value} for name, value in values.items()}

    lips = line(error_mm=0.3, closure_change_mm=2.04, timing_error_ms=3.0)
    refused = line(error_mm=float("nan")) | {"not_scored": "no air between tissue"}
    said = plain_verdict({"articulation": {"lips": lips, "velum port": refused}})
    assert said == [
        "closures changed by up to 2.0 mm: check lips",
        "velum port was not scored: no air between tissue",
    ]
    calm = line(error_mm=0.3, closure_change_mm=0.4, timing_error_ms=3.0)
    (kept,) = plain_verdict({"articulation": {"lips": calm, "pharynx": calm}})
    assert "closures are kept" in kept
    assert "lips, pharynx" in kept
    assert plain_verdict({}) == []


@pytest.fixture
def moving(spoken):
    """A recording with noise, and the same without."""
    from dataclasses import replace

    import numpy as np

    noise = np.random.default_rng(1).normal(0, 4, spoken.frames.shape).astype(np.float32)
    return replace(spoken, frames=spoken.frames + noise), spoken
