import numpy as np
import pytest

from cleartract.evaluation.control_summary import hallucination_index, summarise
from cleartract.evaluation.controls import CONTROLS, METRICS, SITUATIONS, ControlResult


def results(matched_gain, swapped_mm, speakers=8):
    rng = np.random.default_rng(0)
    by_recording = []
    for _ in range(speakers):
        base = 20 + rng.normal()
        rows = {}
        for control in CONTROLS:
            gain = matched_gain + 0.02 * rng.normal() if control == "matched" else 0.0
            degrees = np.ones((2, 5)) + (swapped_mm if control == "swapped" else 0)
            metrics = {name: dict.fromkeys(SITUATIONS, base + gain) for name in METRICS}
            rows[control] = ControlResult(metrics, degrees, 2 * degrees)
        by_recording.append(rows)
    return by_recording, [f"speaker{n}" for n in range(speakers)]


def test_verdict_in_words():
    useful = summarise(*results(0.5, 0.0))
    assert "helps: +0.5" in useful["verdict"][0]
    assert "does not change articulation" in useful["verdict"][-1]
    idle = summarise(*results(0.0, 0.0))
    assert "no measurable difference" in idle["verdict"][0]
    harmful = summarise(*results(-0.5, 1.0))
    assert "harms" in harmful["verdict"][0]
    assert "audio changes articulation" in harmful["verdict"][-1]
    assert hallucination_index(results(0, 1.5)[0][0]) == pytest.approx(1.5)
    assert hallucination_index(results(0, 1.5)[0][0], lost=True) == pytest.approx(3.0)


def test_two_reconstructions_of_a_speaker_count_once():
    by_recording, names = results(0.3, 0.0)
    once = summarise(by_recording, names)
    twice = summarise(by_recording * 2, names * 2)
    assert twice["reconstructions"] == 2 * once["reconstructions"]
    assert twice["speakers"] == once["speakers"]
    assert twice["psnr_airway_over_null"] == once["psnr_airway_over_null"]
