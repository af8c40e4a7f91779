import resource
import shutil
import subprocess
import sys

import pytest

from cleartract.cli import main


def test_missing_corpus(tmp_path):
    assert main(["train", "--data", str(tmp_path / "none"), "--out", str(tmp_path / "run")]) == 7


def seconds(*arguments: str) -> float:
    """Processor time, which does not depend on what else the machine does."""
    times = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(times)


@pytest.mark.parametrize("arguments", [["--help"], ["denoise", "--help"], ["generate", "--help"]])
def test_help_loads_no_torch(arguments):
    code = (
        "import sys\nfrom cleartract.cli import main\n"
        f"assert main({arguments!r}) == 0\nassert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_import_loads_no_numerical_library():
    code = "import sys, cleartract; print(*sys.modules); cleartract.__version__"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert not {"torch", "numpy", "scipy", "av", "pydantic"} & set(found.stdout.split())


def test_import_and_help_are_fast():
    empty = seconds("-c", "pass")
    assert seconds("-c", "import cleartract") - empty < 0.3
    assert seconds("-m", "cleartract.cli", "--help") - empty < 1.2


def test_public_names_resolve():
    import cleartract

    for name in cleartract.__all__:
        assert getattr(cleartract, name) is not None
    with pytest.raises(AttributeError):
        cleartract.nothing  # noqa: B018


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["denoise"], "cleartract denoise --help"),
        (["denoise", "x.mp4", "--nope"], "--nope"),
        (["denoise", "x.mp4", "--steps", "abc"], "--steps"),
        (["denoise", "x.mp4", "--blend", "cosine"], "'triangular'"),
        (["frobnicate"], "frobnicate"),
        (["train", "--data", "corpus"], "--out"),
    ],
)
def test_mistyped_options_are_one_line_too(arguments, said, capsys):
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.err.strip().count("\n") == 0
    assert captured.err.startswith("cleartract: ")
    assert not captured.out


@pytest.mark.parametrize("arguments", [[], ["--help"], ["denoise", "--help"]])
def test_help_is_no_error(arguments, capsys):
    assert main(arguments) == 0
    captured = capsys.readouterr()
    assert "usage" in captured.out.lower()
    assert not captured.err


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["denois", "a.mp4"], "denoise"),
        (["denoise", "--overwite", "a.mp4"], "--overwrite"),
        (["denoise", "--stepz", "a.mp4"], "--steps"),  # --step is nearer, of another command
    ],
)
def test_a_near_miss_is_answered_with_what_was_meant(capsys, arguments, meant):
    assert main(arguments) == 2
    assert f"did you mean {meant}?" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["denoise", "train", "evaluate", "reconstruct"])
def test_help_names_kinds_as_a_person_would(capsys, command):
    assert main([command, "--help"]) == 0
    page = capsys.readouterr().out
    assert "None}" not in page
    assert "None)" not in page
    widths = {len(line) for line in page.splitlines() if line[:1] in "╭│╰"}
    assert len(widths) == 1


def offered_by_bash(tmp_path, capsys, typed):
    """What bash offers for the last word of a line that is typed."""
    assert main(["--completion", "bash"]) == 0
    script = tmp_path / "completion.sh"
    script.write_text(capsys.readouterr().out)
    asked = f"""source {script}
        COMP_WORDS=({typed.removesuffix(" ")}{' ""' if typed.endswith(" ") else ""})
        COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        _cleartract
        printf '%s\\n' "${{COMPREPLY[@]}}" """
    done = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True)
    assert not done.stderr
    return done.stdout.split("\n")[:-1]


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed here")
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("cleartract den", ["denoise"]),
        ("cleartract denoise --qu", ["--quality"]),
        ("cleartract denoise speech.mp4 --audio-o", ["--audio-offset"]),
        ("cleartract denoise --quality te", ["texture"]),
        ("cleartract reconstruct --method ", ["cg", "view"]),
        ("cleartract denoise spee", [""]),  # nothing of its own: names of files are offered
        ("cleartract denoise --audio spee", [""]),
    ],
)
def test_a_shell_completes_commands_options_and_values(tmp_path, capsys, typed, offered):
    assert offered_by_bash(tmp_path, capsys, typed) == offered


def test_where_there_is_nothing_to_offer_names_of_files_are_completed(capsys):
    assert main(["--completion", "bash"]) == 0
    assert "complete -o default -F _cleartract cleartract\n" in capsys.readouterr().out
    assert main(["--completion", "zsh"]) == 0
    assert "else _files; fi" in capsys.readouterr().out


@pytest.mark.parametrize("shell", [["tcsh"], [], ["bash", "zsh"]])
def test_a_shell_that_is_not_known_is_one_line(capsys, shell):
    assert main(["--completion", *shell]) == 2
    assert capsys.readouterr().err.endswith("choose from: bash, zsh\n")
