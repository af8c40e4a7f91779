import numpy as np
import torch

from cleartract.sound.moments import product


def test_sums_do_not_depend_on_the_number_of_threads():
    """Otherwise a recording's bytes would depend on how many are denoised beside it."""
    rng, before = np.random.default_rng(0), torch.get_num_threads()
    try:
        for rows, inner in ((57, 172), (43, 57), (3, 25), (64, 57)):
            weights = rng.normal(size=(rows, inner)).astype(np.float32)
            planes = rng.normal(size=(inner, 84, 84)).astype(np.float32)
            found = []
            for threads in (1, 2, 3, 4):
                torch.set_num_threads(threads)
                found.append(product(weights, planes))
            for other in found[1:]:
                np.testing.assert_array_equal(other, found[0])
    finally:
        torch.set_num_threads(before)
