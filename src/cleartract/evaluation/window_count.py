"""Progress of an evaluation, counted in windows over all that is denoised."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int], None]


class WindowCount:
    """Windows done, over many denoised recordings.

    Args:
        total: Windows in all.
        report: Called with windows done and windows in all, or None.
    """

    def __init__(self, total: int, report: Progress | None):
        self.total, self.report, self.before = total, report, 0
        self._tell(0)

    def part(self, windows: int) -> Progress:
        """For one recording to be denoised: its own windows done, and those in all."""
        before = self.before
        self.before += windows

        def update(done: int, total: int) -> None:
            self._tell(before + round(windows * done / max(total, 1)))

        return update

    def _tell(self, done: int) -> None:
        if self.report:
            self.report(min(done, self.total), self.total)
