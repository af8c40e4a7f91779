"""Work shared among processes of this machine."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from cleartract.jobs.engine import Finished, Work, WorkerLost


def by_processes(work: Work, jobs: Sequence[Any], workers: int) -> Iterator[Finished]:
    """Do the jobs in this process, or in several; see `run_jobs`.

    Where a process dies, it cannot be told which of the jobs at work killed it. They are done
    again one at a time: one that kills its process alone is given up.
    """
    if workers == 1:
        for index, job in enumerate(jobs):
            yield _finished(index, work, job)
        return
    waiting, suspects = deque(range(len(jobs))), deque[int]()
    while waiting or suspects:
        alone = bool(suspects)
        queue, count = (suspects, 1) if alone else (waiting, workers)
        with _pool(count) as pool:
            running: dict[Future, int] = {}
            while queue or running:
                while queue and len(running) < count:
                    index = queue.popleft()
                    running[pool.submit(_finished, index, work, jobs[index])] = index
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                broken = False
                for future in done:
                    index = running.pop(future)
                    try:
                        yield future.result()
                    except BrokenProcessPool:
                        broken = True
                        if alone:
                            yield Finished(index, error=WorkerLost("its process was killed"))
                        else:
                            suspects.append(index)
                if broken:
                    suspects.extend(running.values())
                    break


def _finished(index: int, work: Work, job: Any) -> Finished:
    try:
        return Finished(index, work(job))
    except Exception as error:
        return Finished(index, error=error)


@contextlib.contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    context = multiprocessing.get_context("spawn")  # threads of the parent do not fork well
    pool = ProcessPoolExecutor(workers, context, initializer=_start)
    try:
        yield pool
    except BaseException:
        for process in multiprocessing.active_children():
            process.terminate()  # they tidy up and end
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _start() -> None:
    """A worker hears of an interruption from its parent, which asks it to end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end)


def _end(number: int, frame: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def threads_each(workers: int) -> int:
    """CPU threads for each of some workers on this machine."""
    return max(1, (os.cpu_count() or 1) // workers)
