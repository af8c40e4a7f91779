"""Work shared among the workers of a Dask scheduler: on this machine, or started as cluster jobs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import Any

from cleartract.errors import CorpusError, UsageError
from cleartract.jobs.engine import EngineSettings, Finished, Work, WorkerLost

_QUEUES = {"slurm": "SLURMCluster", "pbs": "PBSCluster", "sge": "SGECluster", "lsf": "LSFCluster"}
_RETRIES = 2  # of a job that fails with its worker
_USUAL = {"cores": 4, "processes": 1, "memory": "8GB", "walltime": "04:00:00"}
_MARGIN = 300  # [s] before the end of its walltime in which a worker takes no new job


def by_dask(work: Work, jobs: Sequence[Any], settings: EngineSettings) -> Iterator[Finished]:
    """Do the jobs on the workers of a scheduler; see `run_jobs`.

    A job whose worker dies is given to another one. What is finished is let go at once: the
    scheduler keeps no result.
    """
    for name in ("dask", "distributed"):
        if find_spec(name) is None:
            raise CorpusError(f"{name} is not installed: pip install 'cleartract[cluster]'")
    from distributed import KilledWorker, as_completed

    with _client(settings, len(jobs)) as client:
        futures = client.map(work, jobs, pure=False, retries=_RETRIES, batch_size=100)
        places = {future.key: index for index, future in enumerate(futures)}
        try:
            arriving = as_completed(futures, raise_errors=False)
            del futures
            for future in arriving:
                index, error = places[future.key], future.exception()
                if error is None:
                    yield Finished(index, future.result())
                elif isinstance(error, KilledWorker):
                    yield Finished(index, error=WorkerLost("its workers were killed"))
                else:
                    yield Finished(index, error=error)
                future.release()
        finally:
            client.cancel(list(places))


@contextlib.contextmanager
def _client(settings: EngineSettings, jobs: int) -> Iterator[Any]:
    from distributed import Client, LocalCluster

    scheduler, options = settings.scheduler, _options(settings.cluster)
    workers = min(settings.workers or 1, max(jobs, 1))
    if scheduler is None or scheduler in _QUEUES:
        if scheduler is None:
            if options:
                raise UsageError("--cluster needs --scheduler slurm, pbs, sge or lsf")
            made = LocalCluster(
                n_workers=workers, threads_per_worker=1, dashboard_address=None, processes=True
            )
        else:
            made = _queue(scheduler, options)
            made.scale(jobs=workers)
        with made, Client(made) as client:
            yield client
        return
    if options:
        raise UsageError("--cluster needs --scheduler slurm, pbs, sge or lsf")
    try:
        client = Client(scheduler, timeout="10s")
    except (OSError, ValueError, TimeoutError) as error:
        raise UsageError(f"--scheduler {scheduler}: no scheduler of dask answers there") from error
    with client:
        yield client


def _queue(name: str, options: dict[str, Any]) -> Any:
    """Workers as jobs of a queue; they end before their walltime does."""
    if find_spec("dask_jobqueue") is None:
        raise CorpusError("dask_jobqueue is not installed: pip install 'cleartract[cluster]'")
    import dask_jobqueue

    options = _USUAL | options
    lifetime = max(60, _seconds(str(options["walltime"])) - _MARGIN)
    extra = ["--lifetime", f"{lifetime}s", "--lifetime-stagger", "1m"]
    try:
        return getattr(dask_jobqueue, _QUEUES[name])(**options, worker_extra_args=extra)
    except (TypeError, ValueError) as error:
        raise UsageError(f"--cluster: {str(error).splitlines()[0]}") from error


def _options(given: tuple[str, ...]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for text in given:
        name, found, value = text.partition("=")
        if not found or not name.isidentifier():
            raise UsageError(f"--cluster: NAME=VALUE, such as queue=short, not {text!r}")
        options[name] = int(value) if value.isascii() and value.isdigit() else value
    return options


def _seconds(walltime: str) -> int:
    """Of HH:MM:SS, HH:MM or MM [minutes]."""
    parts = walltime.split(":")
    if not all(part.isascii() and part.isdigit() for part in parts) or len(parts) > 3:
        raise UsageError(f"--cluster walltime: HH:MM:SS, not {walltime!r}")
    numbers = [int(part) for part in parts]
    if len(numbers) == 1:
        return 60 * numbers[0]
    hours, minutes, *rest = numbers
    return 3600 * hours + 60 * minutes + sum(rest)
