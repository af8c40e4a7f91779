"""Devices and threads."""

from __future__ import annotations

from typing import Literal

import torch

from cleartract.errors import UsageError


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
        torch.zeros(1, device=device)
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
