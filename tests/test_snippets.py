"""What README and manual show is run: options are those of the commands, how-to pages work."""

from __future__ import annotations

import importlib
import json
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from cleartract.recordings.recording import Recording
from tests.snippets import ROOT, blocks, commands, pages, shown_benchmarks, shown_commands

OTHERS = {"pip", "make", "docker", "apptainer", "mkdir"}  # shown, and not run here
REPORTS = ("reviewer", "praat-and-elan")  # draw reports, which takes seconds
DOCS = ROOT / "docs"
WHOLE = [
    ROOT / "README.md",
    DOCS / "index.md",
    DOCS / "view.md",
    *sorted((DOCS / "howto").glob("*.md")),
]
RUN = [
    pytest.param(page, marks=pytest.mark.slow) if page.stem in REPORTS else page for page in WHOLE
]
OPTIONS_ONLY = {"evaluation.md"}  # needs a corpus and other denoisers: hours
TEXTGRID = """File type = "ooTextFile"
Object class = "TextGrid"

0
0.5
<exists>
1
"IntervalTier"
"word"
0
0.5
2
0
0.2
"ada"
0.2
0.5
"ibi"
"""


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", [p for p in pages() if shown_commands(p)], ids=name)
def test_every_shown_command_has_the_options_it_is_shown_with(page):
    import tyro

    from cleartract.cli import all_commands

    for words in shown_commands(page):
        if words[1:2] in (["--version"], ["--completion"]):
            continue
        try:
            tyro.extras.subcommand_cli_from_dict(
                all_commands(), args=words[1:], config=(tyro.conf.FlagCreatePairsOff,)
            )
        except (SystemExit, ValueError) as error:
            if getattr(error, "code", 1):
                pytest.fail(f"{' '.join(words)}: {error}")


@pytest.mark.parametrize("page", pages(), ids=name)
def test_every_shown_benchmark_is_there(page):
    for module in re.findall(r"python -m (benchmarks[\w.]*)", page.read_text()):
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), module


@pytest.mark.parametrize("page", [p for p in pages() if shown_benchmarks(p)], ids=name)
def test_every_shown_benchmark_has_the_options_it_is_shown_with(page):
    import tyro

    for module, words in shown_benchmarks(page):
        main = (
            module if (ROOT / (module.replace(".", "/") + ".py")).exists() else f"{module}.__main__"
        )
        options = importlib.import_module(main).Options
        given = [word.removesuffix("...") for word in words]
        try:
            tyro.cli(options, args=given, prog=module)
        except SystemExit as error:
            pytest.fail(f"{module} {' '.join(words)}: {error}")


def test_the_warning_that_is_shown_is_the_one_that_is_given():
    from cleartract.sound.offset import Offset

    (shown,) = blocks(ROOT / "docs" / "howto" / "late-sound.md", "text")
    assert shown.endswith(Offset(0.44, 0.011, 0.5, True).warning(0.012) + "\n")


@pytest.mark.parametrize("page", pages(), ids=name)
def test_python_that_is_shown_compiles(page):
    for text in blocks(page, "python"):
        compile(text, name(page), "exec")


@pytest.fixture
def workplace(tmp_path, monkeypatch, tiny_model):
    """A folder with a short recording in many kinds of file; the shipped weights are tiny ones."""
    from cleartract.model import weights
    from cleartract.recordings.writing import write_recording

    rng, rate = np.random.default_rng(0), Fraction(125000, 1501)
    y, x = np.mgrid[:36, :36]
    radius = 9 + 3 * np.sin(np.arange(40) / 4)
    frames = 160 / (1 + np.exp(np.hypot(y - 20, x - 18) - radius[:, None, None])) + 20
    frames = np.round(frames + rng.normal(0, 4, frames.shape)).clip(0, 255).astype(np.float32)
    audio = (0.1 * rng.normal(size=round(40 / rate * 16_000))).clip(-1, 1).astype(np.float32)
    recording = Recording(frames, rate, audio, 16_000, peak=255.0)
    for kind in ("mp4", "mat", "dcm"):
        write_recording(tmp_path / f"speech.{kind}", recording, {})
    write_recording(tmp_path / "one.dcm", recording.excerpt(0, 20), {})
    (tmp_path / "speech_dicom").mkdir()
    (tmp_path / "one.dcm").rename(tmp_path / "speech_dicom" / "one.dcm")
    (tmp_path / "speech.TextGrid").write_text(TEXTGRID)
    import soundfile

    soundfile.write(tmp_path / "speech.wav", audio, 16_000)
    tiny = tmp_path / ".tiny.safetensors"
    weights.save_model(tiny_model, tiny, {})
    monkeypatch.setattr(weights, "shipped_weights", lambda name="small": tiny)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", RUN, ids=name)
def test_what_a_page_shows_works(page, workplace, capsys):
    from cleartract.cli import main

    for text in blocks(page, "sh"):
        for words in commands(text):
            if words[0] in OTHERS:
                continue
            assert words[0] == "cleartract", words
            assert main(words[1:]) == 0, (words, capsys.readouterr().err)
    for text in blocks(page, "python"):
        if "xarray" in text:
            pytest.importorskip("xarray")
        exec(compile(text, name(page), "exec"), {})
    for text in blocks(page, "matlab"):
        for file, variables in re.findall(r"^load (\S+) +% (.*)$", text, re.MULTILINE):
            names = re.findall(r"(?:^|, )(\w+)", re.sub(r"[(\[].*?[)\]]", "", variables))
            assert set(names) <= variables_of(workplace / file)


def variables_of(path):
    """Names in a .mat file of either version."""
    import scipy.io

    try:
        return {name for name, *_ in scipy.io.whosmat(path)}
    except NotImplementedError:  # version 7.3
        h5py = pytest.importorskip("h5py")
        with h5py.File(path) as file:
            return set(file)


def test_no_page_shows_code_that_no_test_runs():
    """Cells of tutorials are run when the manual is built."""
    shown = {page for page in pages() if blocks(page, "sh", "python")}
    assert {page.name for page in shown - set(WHOLE)} == OPTIONS_ONLY


def test_every_field_of_a_sidecar_is_documented(workplace):
    from cleartract.cli import main

    assert main(["denoise", "speech.mp4"]) == 0
    fields = json.loads((workplace / "speech_cleartract.mp4.json").read_text())
    text = (ROOT / "docs" / "reference" / "files.md").read_text()
    assert [name for name in fields if f"`{name}`" not in text] == []


def test_lines_of_the_readme_are_few():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 120
