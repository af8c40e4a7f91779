"""One utterance, spoken once for all tests."""

import numpy as np
import pytest

from cleartract.simulation.phantom.speech import Performance, perform

SEGMENTS = [("", 0.3), ("a:", 0.2), ("m", 0.15), ("a:", 0.2), ("", 0.3)]


def speak() -> Performance:
    return perform(SEGMENTS, np.random.default_rng(0), 120.0, 0.95)


@pytest.fixture(scope="package")
def performance() -> Performance:
    return speak()
