"""Devices and threads."""

from __future__ import annotations

import os
import time
from typing import Literal

import torch

from cleartract.errors import UsageError

_TRIAL = 0.15  # [s] for each number of threads


def pick_device(name: Literal["auto", "cpu", "cuda"] | str = "auto") -> torch.device:
    """`auto` is CUDA when there is one."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)


def usable_device(name: str) -> torch.device:
    """The device of this name.

    Raises:
        UsageError: If this machine does not have it.
    """
    try:
        device = pick_device(name)
        torch.zeros(1, device=device).item()  # fails on `meta`, which computes nothing
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"--device {name}: not usable on this machine; try cpu") from error
    return device


def use_threads(count: int | None) -> None:
    """Let the CPU work with so many threads; None leaves all cores.

    Raises:
        UsageError: If it is below 1.
    """
    if count is None:
        return
    if count < 1:
        raise UsageError(f"--threads: 1 or more, not {count}")
    torch.set_num_threads(count)


def choose_threads(count: int | None, device: torch.device) -> None:
    """Let the CPU work with so many threads, or with as many as are fastest here.

    Where several threads share a core, half of them are often faster. OMP_NUM_THREADS is obeyed.

    Args:
        count: Number asked for, or None to measure for a moment.
        device: Where the model is; nothing is measured for a GPU.
    """
    if count is not None or device.type != "cpu" or "OMP_NUM_THREADS" in os.environ:
        use_threads(count)
        return
    everything = torch.get_num_threads()
    if everything < 4:
        return
    speeds = {threads: _speed(threads) for threads in (everything, everything // 2)}
    torch.set_num_threads(max(speeds, key=lambda threads: speeds[threads]))


def _speed(threads: int) -> float:
    """Convolutions like those of the network, a second."""
    torch.set_num_threads(threads)
    frames, kernel = torch.randn(16, 64, 42, 42), torch.randn(64, 64, 3, 3)
    torch.nn.functional.conv2d(frames, kernel)
    done, started = 0, time.perf_counter()
    while time.perf_counter() - started < _TRIAL:
        torch.nn.functional.conv2d(frames, kernel)
        done += 1
    return done / (time.perf_counter() - started)
