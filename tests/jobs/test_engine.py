"""Many pieces of work come out the same whoever does them, and survive workers that die."""

import os
import signal
from pathlib import Path

import pytest

from cleartract.errors import UsageError
from cleartract.jobs.engine import EngineSettings, WorkerLost, run_jobs, shard_of

ENGINES = {
    "alone": EngineSettings(),
    "processes": EngineSettings(workers=2),
    "dask": EngineSettings(workers=2, engine="dask"),
}


def squared(number):
    if number < 0:
        raise ValueError(f"no root of {number}")
    return number**2


def killed_once(job):
    """Kills its process the first time."""
    number, folder = job
    mark = Path(folder) / str(number)
    if number == 2 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number**2


def killed_always(number):
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return number**2


@pytest.mark.parametrize("engine", ENGINES)
def test_every_job_is_done_once_and_a_failure_stops_no_other(engine):
    finished = list(run_jobs(squared, [3, -1, 4, 5], ENGINES[engine]))
    assert sorted(one.index for one in finished) == [0, 1, 2, 3]
    values = {one.index: one.value for one in finished if one.error is None}
    assert values == {0: 9, 2: 16, 3: 25}
    (failed,) = [one for one in finished if one.error is not None]
    assert failed.index == 1
    assert "no root of -1" in str(failed.error)


@pytest.mark.parametrize("engine", ["processes", "dask"])
def test_a_job_whose_process_is_killed_is_done_again(engine, tmp_path):
    jobs = [(number, str(tmp_path)) for number in range(5)]
    finished = list(run_jobs(killed_once, jobs, ENGINES[engine]))
    assert sorted((one.index, one.value) for one in finished) == [(n, n**2) for n in range(5)]


def test_a_job_that_always_kills_its_process_is_given_up_alone():
    finished = list(run_jobs(killed_always, list(range(5)), ENGINES["processes"]))
    values = {one.index: one.value for one in finished if one.error is None}
    assert values == {0: 0, 1: 1, 3: 9, 4: 16}
    (lost,) = [one for one in finished if one.error is not None]
    assert lost.index == 2
    assert isinstance(lost.error, WorkerLost)


def test_no_jobs():
    assert list(run_jobs(squared, [], ENGINES["processes"])) == []


@pytest.mark.parametrize("parts", [1, 3, 7, 20])
def test_shards_are_apart_and_together_everything(parts):
    jobs = list(range(17))
    shards = [shard_of(jobs, f"{part}/{parts}") for part in range(1, parts + 1)]
    assert sorted(job for shard in shards for job in shard) == jobs
    assert max(map(len, shards)) - min(map(len, shards)) <= 1


@pytest.mark.parametrize("shard", ["", "3", "0/3", "4/3", "-1/3", "1/0", "a/b", "1/3/5", "²/3"])
def test_wrong_shards_are_refused(shard):
    with pytest.raises(UsageError, match="--shard"):
        shard_of([1, 2, 3], shard)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"scheduler": "tcp://127.0.0.1:1"}, "--engine dask"),
        ({"cluster": ("queue=short",)}, "--engine dask"),
        ({"engine": "dask", "cluster": ("queue=short",)}, "--scheduler"),
        ({"engine": "dask", "scheduler": "slurm", "cluster": ("queue",)}, "NAME=VALUE"),
        ({"engine": "dask", "scheduler": "slurm", "cluster": ("walltime=x",)}, "HH:MM:SS"),
    ],
)
def test_wrong_clusters_are_one_line(changes, fault):
    with pytest.raises(UsageError, match=fault):
        list(run_jobs(squared, [1], EngineSettings(**changes)))
