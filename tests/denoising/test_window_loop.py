from fractions import Fraction

import numpy as np
import pytest
import torch

from cleartract.denoising import window_loop
from cleartract.denoising.prepared_window import PreparedWindow
from cleartract.denoising.settings import DenoiseSettings
from cleartract.denoising.window_loop import WindowLoop, fastest_batch, frame_noise
from cleartract.errors import WeightsError
from cleartract.recordings.windows import SlidingWindowTransform

SETTINGS = DenoiseSettings(window_duration=5, step_duration=2)
WINDOWS = SlidingWindowTransform(5, 2).windows(30, Fraction(50))


def prepared(window):
    noisy = np.random.default_rng(window.first).random((5, 16, 16)).astype(np.float32)
    return PreparedWindow(window, noisy, np.ones(5, bool))


def test_noise_belongs_to_the_absolute_frame():
    first = frame_noise(0, 0, 0, np.arange(3, 8), (4, 5))
    second = frame_noise(0, 0, 0, np.arange(6, 9), (4, 5))
    assert np.array_equal(first[3:], second[:2])
    assert not np.allclose(first, frame_noise(0, 0, 1, np.arange(3, 8), (4, 5)))
    assert not np.allclose(first, frame_noise(0, 1, 0, np.arange(3, 8), (4, 5)))
    many = frame_noise(0, 0, 0, np.arange(200), (20, 20))
    assert many.std() == pytest.approx(1, abs=0.02)


def test_windows_come_in_order_and_once(tiny_model):
    batches = list(WindowLoop(tiny_model, SETTINGS, 30, 3).run(WINDOWS, prepared))
    assert [len(batch) for batch in batches] == [3, 3, 3, 3, 2]
    assert [window for batch in batches for window, _ in batch] == WINDOWS
    assert batches[0][0][1].shape == (1, 5, 16, 16)


def test_a_window_is_prepared_when_its_batch_is_due(tiny_model):
    asked = []

    def prepare(window):
        asked.append(window.first)
        return prepared(window)

    batches = WindowLoop(tiny_model, SETTINGS, 30, 2).run(WINDOWS, prepare)
    next(batches)
    assert asked == [0, 2]


WORDS = "DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("no memory"), RuntimeError(WORDS)])
def test_too_little_memory_halves_the_batch(tiny_model, monkeypatch, error):
    whole = window_loop.sample_windows

    def scarce(model, condition, *others):
        if len(condition) > 2:
            raise error
        return whole(model, condition, *others)

    monkeypatch.setattr(window_loop, "sample_windows", scarce)
    loop = WindowLoop(tiny_model, SETTINGS, 30, 8)
    assert [len(batch) for batch in loop.run(WINDOWS, prepared)] == [2] * 7
    assert loop.batch == 2


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("no memory"), RuntimeError(WORDS)])
def test_too_little_memory_for_one_window_is_an_error_of_its_kind(tiny_model, monkeypatch, error):
    def never(*_):
        raise error

    monkeypatch.setattr(window_loop, "sample_windows", never)
    with pytest.raises(MemoryError):
        list(WindowLoop(tiny_model, SETTINGS, 30, 8).run(WINDOWS, prepared))
    monkeypatch.setattr(window_loop, "sample_windows", lambda *_: [][0])
    with pytest.raises(IndexError):  # other faults are as they are
        list(WindowLoop(tiny_model, SETTINGS, 30, 8).run(WINDOWS, prepared))


def test_frames_that_are_not_finite_are_an_error(tiny_model):
    with torch.no_grad():
        tiny_model.denoiser.network.final.bias[:] = float("nan")
    with pytest.raises(WeightsError, match="not finite"):
        next(WindowLoop(tiny_model, SETTINGS, 30, 2).run(WINDOWS, prepared))


def test_a_larger_batch_is_taken_only_where_it_is_faster(tiny_model, monkeypatch):
    assert fastest_batch(tiny_model, prepared(WINDOWS[0]), SETTINGS) == 1  # nothing is tried
    monkeypatch.setattr(type(tiny_model), "device", torch.device("cuda"))
    monkeypatch.setattr(window_loop, "build_condition", lambda windows, _: windows)
    clock = [0.0]
    monkeypatch.setattr(window_loop.time, "perf_counter", lambda: clock[0])
    for seconds, best in (({1: 0.1, 2: 0.1, 4: 0.5, 8: 1}, 2), ({1: 0.1, 2: 0.2, 4: 0.4, 8: 1}, 1)):

        def timed(model, condition, *others, seconds=seconds):
            clock[0] += seconds[len(condition)]
            return torch.zeros(1)

        monkeypatch.setattr(window_loop, "sample_windows", timed)
        assert fastest_batch(tiny_model, prepared(WINDOWS[0]), SETTINGS) == best
