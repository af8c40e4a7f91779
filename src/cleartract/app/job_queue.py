"""Recordings that are denoised one after another, whether a page is open or not."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from cleartract.app.library import Recorded
from cleartract.app.plans import Plan
from cleartract.app.processes import COMMAND_LINE, Working
from cleartract.denoising.partial import discard_partial, finished_frames, partial_folder
from cleartract.errors import UsageError, reason_of
from cleartract.recordings.sidecar import sidecar_of

State = Literal["waiting", "running", "done", "failed", "cancelled"]
MOST_WAITING = 100
_LOOK = 0.1  # [s] from one look at the process to the next


@dataclass
class Job:
    """One recording to denoise, or its first seconds.

    Attributes:
        number: Its number on the page.
        recorded: The recording.
        plan: What is run.
        frames: Of the result [frames].
        size: (height, width) [pixels].
        state: Where it stands.
        step: What is being done: `surveying`, `denoising` or `writing`.
        done: Frames that the step has done [frames].
        left: Time until all frames are denoised [s], or None.
        said: Its messages.
        resume: Whether it goes on where it was stopped.
        stop: Whether it is to end, or was ended by the user.
    """

    number: int
    recorded: Recorded
    plan: Plan
    frames: int
    size: tuple[int, int]
    state: State = "waiting"
    step: str = ""
    done: int = 0
    left: float | None = None
    said: list[str] = field(default_factory=list)
    resume: bool = False
    stop: bool = False

    @property
    def kept(self) -> bool:
        """Whether finished frames are there to go on with."""
        stopped = self.state in ("cancelled", "failed")
        return stopped and partial_folder(self.plan.targets["result"]).exists()

    def described(self) -> dict[str, Any]:
        """For the page."""
        result = self.plan.targets["result"]
        sidecar = sidecar_of(result) if self.state == "done" else {}
        timing, residual = sidecar.get("timing") or {}, sidecar.get("residual") or {}
        return {
            "number": self.number, "recording": self.recorded.number, "name": self.recorded.name,
            "preview": self.plan.preview, "state": self.state, "step": self.step,
            "stopping": self.stop and self.state == "running",
            "done": self.done, "frames": self.frames, "size": list(self.size), "left": self.left,
            "kept": self.kept, "result": str(result),
            "said": [str(text) for text in sidecar.get("warnings", self.said)],
            "seconds": timing.get("seconds"), "speed": timing.get("frames_per_second"),
            "removed": residual.get("removed"), "command": self.plan.repeated(self.kept),
        }  # fmt: skip


class JobQueue:
    """Runs one job at a time, previews first.

    Args:
        changed: Called when a job has ended, with it.
    """

    def __init__(self, changed: Callable[[Job], None] = lambda job: None) -> None:
        self._jobs: dict[int, Job] = {}
        self._given, self._closing, self._changed = 0, False, changed
        self._more = threading.Condition()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def add(self, recorded: Recorded, plan: Plan, frames: int, size: tuple[int, int]) -> Job:
        """Put a run at the end of the queue.

        Raises:
            UsageError: If too many wait.
        """
        with self._more:
            if sum(job.state == "waiting" for job in self._jobs.values()) >= MOST_WAITING:
                raise UsageError(f"{MOST_WAITING} recordings wait already; add more later")
            job = Job(self._given, recorded, plan, frames, size)
            self._jobs[job.number] = job
            self._given += 1
            self._more.notify_all()
        return job

    def __getitem__(self, number: int) -> Job:
        with self._more:
            if number not in self._jobs:
                raise IndexError(number)
            return self._jobs[number]

    def all(self) -> list[Job]:
        """All jobs, in the order in which they were added."""
        with self._more:
            return list(self._jobs.values())

    def cancel(self, job: Job) -> None:
        """Stop a job, or do not begin it; finished frames are kept."""
        with self._more:
            if job.state == "waiting":
                job.state = "cancelled"
            job.stop = job.state == "running"

    def go_on(self, job: Job) -> None:
        """Begin a job again that was stopped, where it had come."""
        with self._more:
            if job.state in ("cancelled", "failed"):
                job.resume, job.stop = job.kept, False
                job.state, job.said = "waiting", []
                self._more.notify_all()

    def drop(self, job: Job) -> None:
        """Forget a job that is not at work; its results stay, frames of a stopped run do not."""
        with self._more:
            if job.state == "running":
                raise UsageError("cancel it first")
            if job.kept:
                discard_partial(job.plan.targets["result"])
            self._jobs.pop(job.number, None)

    def close(self) -> None:
        """Stop the work; a run at work keeps its finished frames."""
        with self._more:
            self._closing = True
            self._more.notify_all()
        self._thread.join()

    def _next(self) -> Job | None:
        with self._more:
            while not self._closing:
                waiting = [job for job in self._jobs.values() if job.state == "waiting"]
                if waiting:
                    job = min(waiting, key=lambda job: (job.plan.preview is None, job.number))
                    job.state = "running"
                    return job
                self._more.wait()
        return None

    def _work(self) -> None:
        while (job := self._next()) is not None:
            code = -1
            try:
                code = self._run(job)
            except Exception as error:  # of one job, such as no process; the others go on
                job.said.append(f"cannot be done ({reason_of(error)})")
            job.left = None
            stopped = job.stop or self._closing
            job.state = "done" if code == 0 else "cancelled" if stopped else "failed"
            if job.plan.preview and job.state != "done":
                discard_partial(job.plan.targets["result"])
            with contextlib.suppress(Exception):
                self._changed(job)

    def _run(self, job: Job) -> int:
        more = ["--resume"] if job.resume else []
        job.step, job.done = "surveying", 0
        working = Working(COMMAND_LINE, ["denoise", *job.plan.arguments, *more])
        pace = _Pace()
        try:
            while (code := working.wait(_LOOK)) is None:
                if job.stop or self._closing:
                    working.end()
                    code = working.wait(15)
                    break
                self._follow(job, working, pace)
        finally:
            working.close()
        own = str(job.recorded.path) + ": "
        if (
            job.stop or self._closing
        ):  # what the command line says of stopping is about its own options
            return -1 if code is None else code
        job.said = [text.removeprefix(own) for text in working.said]
        if code is not None and code < 0:
            job.said.append("its process was killed, perhaps for memory")
        return -1 if code is None else code

    def _follow(self, job: Job, working: Working, pace: _Pace) -> None:
        finished = finished_frames(job.plan.targets["result"])
        if working.step != "denoising" and not finished:
            job.step, job.done = "surveying", working.done
            return
        finished = max(finished, 0 if job.step == "surveying" else job.done)
        job.step = "denoising" if finished < job.frames else "writing"
        job.done, job.left = finished, pace.left(finished, job.frames)


class _Pace:
    """Tells the time left from the frames that this run has finished."""

    def __init__(self) -> None:
        self._began, self._before = 0.0, -1

    def left(self, done: int, total: int) -> float | None:
        now = time.monotonic()
        if self._before < 0:
            self._began, self._before = now, done
        made = done - self._before
        return (now - self._began) / made * (total - done) if made else None
