"""Choice of who works: this process, several of this machine, or a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from cleartract.errors import UsageError


class EngineSettings(BaseModel):
    """Who works on many recordings."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    workers: int | None = Field(
        None,
        ge=1,
        le=1024,
        description="Processes that work at the same time; the cores are shared among them.",
    )
    shard: str | None = Field(
        None,
        description="Only a part of the work: 3/8 is the third of eight parts, as for a job array.",
    )
    engine: Literal["processes", "dask"] = Field(
        "processes", description="processes of this machine, or dask, for clusters."
    )
    scheduler: str | None = Field(
        None,
        description="Of dask: the address of one that runs, or slurm, pbs, sge, lsf to start workers "
        "as jobs; by default all on this machine.",
    )
    cluster: tuple[str, ...] = Field(
        (),
        description="Of jobs on a cluster, as dask-jobqueue names it: queue=short "
        "walltime=02:00:00 memory=8GB cores=4.",
    )


@dataclass(frozen=True)
class Finished:
    """A piece of work that came to its end.

    Attributes:
        index: Which one, from 0.
        value: What the work returned; None where it failed.
        error: What it raised, or a `WorkerLost`; None where it succeeded.
    """

    index: int
    value: Any = None
    error: BaseException | None = None


class WorkerLost(Exception):
    """The process that worked on this piece was killed, and so was the one that tried again."""


Work = Callable[[Any], Any]


def run_jobs(work: Work, jobs: Sequence[Any], settings: EngineSettings) -> Iterator[Finished]:
    """Do many pieces of work, in any order.

    A piece that fails does not stop the others. One whose process is killed is tried again. Where
    the caller stops, or is interrupted, the workers stop too.

    Args:
        work: A function of a module, called with each job; it and the jobs can be pickled.
        jobs: Its arguments.
        settings: Who works; the shard is not looked at, see `shard_of`.

    Yields:
        Each as it is finished.

    Raises:
        CorpusError: If the extra `cluster` is needed and not installed.
        UsageError: If the cluster's settings are wrong.
    """
    if settings.engine == "dask":
        from cleartract.jobs.cluster import by_dask

        yield from by_dask(work, jobs, settings)
        return
    if settings.scheduler is not None or settings.cluster:
        raise UsageError("--scheduler and --cluster need --engine dask")
    from cleartract.jobs.processes import by_processes

    yield from by_processes(work, jobs, min(settings.workers or 1, max(len(jobs), 1)))


def shard_of(jobs: Sequence[Any], shard: str | None) -> list[Any]:
    """The part of the work that a shard such as 3/8 names, every eighth from the third on.

    Raises:
        UsageError: If it is no such text.
    """
    if shard is None:
        return list(jobs)
    first, _, count = shard.partition("/")
    if not (first.isascii() and first.isdigit() and count.isascii() and count.isdigit()):
        raise UsageError(f"--shard: a part of the parts, such as 3/8, not {shard!r}")
    if not 1 <= int(first) <= int(count) <= 100_000:
        raise UsageError(f"--shard: from 1/N to N/N, not {shard}")
    return list(jobs[int(first) - 1 :: int(count)])
