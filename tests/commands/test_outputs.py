"""What a sidecar says of the command line can be typed again."""

import shlex

import pytest

from cleartract.cli import main
from cleartract.commands.outputs import called


@pytest.mark.parametrize(
    ("program", "typed"),
    [
        ("/usr/local/bin/cleartract", "cleartract"),
        ("C/Scripts/cleartract.exe", "cleartract"),
        ("/site-packages/cleartract/__main__.py", "python -m cleartract"),
    ],
)
def test_the_command_line_is_kept_however_it_was_started(program, typed):
    words = ["denoise", "my speech.mp4", "-o", "a'b.mp4"]
    line = called([program, *words])
    assert line.startswith(f"{typed} denoise ")
    assert shlex.split(line) == [*typed.split(), *words]


@pytest.mark.parametrize(
    "program", ["/usr/bin/pytest", "script.py", "-c", "/other/__main__.py", ""]
)
def test_other_programs_are_not_taken_for_it(program):
    assert called([program, "denoise"]) == ""


def test_a_sidecar_of_python_m_names_it(clip, weights, tmp_path):
    import json
    import subprocess
    import sys

    out = tmp_path / "out.npz"
    command = ["denoise", str(clip), "--weights", str(weights), "-o", str(out), "--preview", "4"]
    subprocess.run([sys.executable, "-m", "cleartract", *command], check=True, capture_output=True)
    line = json.loads((tmp_path / "out.npz.json").read_text())["command"]
    assert shlex.split(line)[3:] == command
    assert main([*shlex.split(line)[3:], "--overwrite"]) == 0
