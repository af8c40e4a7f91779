"""Runs end with the program, whatever ends it; only Linux's /proc tells it here."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from cleartract.app.processes import COMMAND_LINE, Working

SERVE = "import sys; from cleartract.cli import main; sys.exit(main(sys.argv[1:]))"


def test_a_process_says_what_is_wrong_and_leaves_its_code(tmp_path):
    working = Working(COMMAND_LINE, ["denoise", str(tmp_path / "missing.mp4")])
    code = working.wait(60)
    working.close()
    assert code == 3
    assert working.said[-1].startswith(f"{tmp_path / 'missing.mp4'}: ")


def alive(number):
    """Whether a process is there and no mere entry of the table."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def children(number):
    lists = Path(f"/proc/{number}/task").glob("*/children")  # of the thread that began them
    return [int(n) for listed in lists for n in listed.read_text().split()]


def gone(numbers, seconds=30):
    until = time.monotonic() + seconds
    while any(alive(number) for number in numbers) and time.monotonic() < until:
        time.sleep(0.1)
    return not any(alive(number) for number in numbers)


@pytest.mark.parametrize("command", ["app", "view"])
def test_closing_the_terminal_ends_the_server_and_leaves_nothing_behind(lab, tmp_path, command):
    pytest.importorskip("uvicorn", reason="the extra app is not installed")
    (tmp_path / "temporary").mkdir()
    given = lab if command == "app" else lab / "speech.mp4"
    called = [sys.executable, "-c", SERVE, command, str(given), "--no-browser"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "TMPDIR": str(tmp_path / "temporary")}
    terminal, inside = os.openpty()
    running = subprocess.Popen(called, preexec_fn=lambda: os.login_tty(inside), env=environment)
    os.close(inside)
    try:
        said = b""
        while not (found := re.search(rb"http://127\.0\.0\.1:\d+/[\w-]{32}/", said)):
            said += os.read(terminal, 4096)
        page = "" if command == "view" else "recordings"
        assert urlopen(found[0].decode() + page).status == 200
        os.close(terminal)
        running.wait(20)
    finally:
        running.kill()
        running.wait()
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_whatever_ends_the_program_ends_its_run_and_what_is_finished_is_kept(lab, light, how):
    pytest.importorskip("uvicorn", reason="the extra app is not installed")
    if signal.getsignal(how) is signal.SIG_IGN:
        pytest.skip("these tests were told to outlive their terminal")
    if not Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").exists():
        pytest.skip("this system does not tell the children of a process")
    called = [sys.executable, "-c", SERVE, "app", str(lab), "--weights", str(light), "--no-browser"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    partial = lab / ".speech_cleartract.mp4.partial"
    with subprocess.Popen(called, stdout=subprocess.PIPE, text=True, env=environment) as running:
        try:
            address = re.search(r"http://127\.0\.0\.1:\d+/[\w-]{32}/", running.stdout.readline())[0]
            options = {"steps": 200, "window_duration": 6, "step_duration": 4}
            body = json.dumps({"recording": 1, "options": options}).encode()
            origin = address.rsplit("/", 2)[0]
            urlopen(Request(f"{address}jobs", body, {"Origin": origin}, method="POST")).close()
            until = time.monotonic() + 60
            while not (partial / "state.json").exists() and time.monotonic() < until:
                time.sleep(0.1)
            at_work = [number for number in children(running.pid) if alive(number)]
            assert at_work
            running.send_signal(how)
            running.wait(30)
            assert running.returncode == (-how if how is signal.SIGKILL else 0)
            assert gone(at_work)
        finally:
            running.kill()
    assert partial.is_dir()
    assert not (lab / "speech_cleartract.mp4").exists()


@pytest.mark.slow
def test_a_closer_look_tells_how_late_the_sound_is_and_how_fast_it_goes(tmp_path):
    from importlib import resources

    from cleartract.commands.look import looked_at

    shipped = Path(str(resources.files("cleartract.examples") / "speech.mp4"))
    told = looked_at(shipped, None, None, None)
    late, error = told["late"]
    assert abs(late) < 4 * error < 100
    assert told["speed"] > 1
    assert told["warnings"] == []
    json.dumps(told, allow_nan=False)
