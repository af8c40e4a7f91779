"""The small model of the tests of evaluation."""

from tests.evaluation.conftest import small_model, weights

__all__ = ["small_model", "weights"]
