"""Queues of clusters, with a stand-in that runs jobs at once."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cleartract.cli import main
from cleartract.recordings.writing import write_recording

MANUAL = Path(__file__).resolve().parents[2] / "docs" / "cluster.md"
ARRAY = """#!/bin/bash
count=$(sed -n 's/^#SBATCH --array=1-//p' "$1")
for task in $(seq "$count"); do
    SLURM_ARRAY_TASK_ID=$task SLURM_ARRAY_TASK_COUNT=$count SLURM_CPUS_PER_TASK=1 bash "$@" || exit 1
done
"""
QUEUE = """#!/bin/bash
setsid bash "$1" > "$1.log" 2>&1 < /dev/null &
echo "Submitted batch job $!"
"""
CANCEL = """#!/bin/bash
kill "$@" 2> /dev/null
"""


def script(path, text):
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def lab(tmp_path, recording, weights, monkeypatch):
    """Three recordings, what one run makes of them, and `cleartract` as a command."""
    for number in range(3):
        (tmp_path / "lab").mkdir(exist_ok=True)
        part = recording.excerpt(number, number + 12)
        write_recording(tmp_path / "lab" / f"{number}.mp4", part, {})
    command = ["denoise", str(tmp_path / "lab"), "--weights", str(weights), "--out"]
    assert main([*command, str(tmp_path / "alone")]) == 0
    called = f'exec {sys.executable} -c "from cleartract.cli import main; exit(main())" "$@"'
    script(tmp_path / "bin" / "cleartract", f"#!/bin/bash\n{called} --weights {weights}\n")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return tmp_path


def contents(out):
    return {path.name: path.read_bytes() for path in sorted(out.glob("*.mp4"))}


def test_the_array_of_the_manual_makes_what_one_run_makes(lab):
    (manual,) = re.findall(r"```bash\n(.*?)```", MANUAL.read_text(), re.DOTALL)
    assert "--array=1-8" in manual
    (lab / "denoise.sh").write_text(manual.replace("--array=1-8", "--array=1-2"))
    script(lab / "bin" / "sbatch", ARRAY)
    subprocess.run(["sbatch", "denoise.sh", "lab", "out"], cwd=lab, check=True, timeout=120)
    assert contents(lab / "out") == contents(lab / "alone")
    assert len(list((lab / "out").glob("summary_*_of_2.csv"))) == 2


@pytest.mark.slow
def test_workers_that_a_queue_starts_make_the_same(lab, weights):
    pytest.importorskip("dask_jobqueue")
    script(lab / "bin" / "sbatch", QUEUE)
    script(lab / "bin" / "scancel", CANCEL)
    out = lab / "out"
    command = ["denoise", str(lab / "lab"), "--weights", str(weights), "--out", str(out)]
    queue = ["--engine", "dask", "--scheduler", "slurm", "--workers", "2"]
    options = ["--cluster", "cores=1", "memory=1GB", "walltime=00:10:00"]
    assert main([*command, *queue, *options]) == 0
    assert contents(out) == contents(lab / "alone")


def test_a_job_that_is_terminated_tidies_up_and_goes_on(lab, tmp_path, weights, spoken):
    long = tmp_path / "long.avi"
    write_recording(long, spoken, {})
    code = "from cleartract.cli import main; exit(main())"
    out = tmp_path / "long.npz"
    command = [sys.executable, "-c", code, "denoise", str(long), "--weights", str(weights)]
    command += ["-o", str(out), "--samples", "4", "--steps", "200"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    partial = tmp_path / ".long.npz.partial"
    deadline = time.monotonic() + 60
    while not (partial / "state.json").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 143, said
    assert "terminated" in said
    assert "--resume" in said
    assert partial.exists()
    assert not out.exists()
    assert not [p for p in partial.iterdir() if ".partial" in p.name]
