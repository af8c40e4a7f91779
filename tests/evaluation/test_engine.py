"""A corpus evaluated by one process, several, shards and Dask: the same figures."""

import json
import shutil

import pytest

from cleartract.cli import main
from cleartract.errors import CorpusError
from cleartract.evaluation.corpus import Parts, evaluate_corpus
from cleartract.evaluation.corpus_task import plain
from cleartract.evaluation.settings import EvaluateCorpusSettings
from cleartract.jobs.engine import EngineSettings

pytest.importorskip("skimage")
pytest.importorskip("matplotlib")


@pytest.fixture
def lab(short_corpus, tmp_path):
    """Three recordings; one of them has two reconstructions."""
    folder = tmp_path / "lab"
    shutil.copytree(short_corpus, folder)
    return folder


def figures(folder):
    content = json.loads((folder / "report.json").read_text())
    return {name: content[name] for name in ("mean", "by_protocol", "recordings")}


def evaluate(lab, out, weights, *options):
    command = ["evaluate", "--corpus", str(lab), "--split", "all", "--weights", str(weights)]
    return main([*command, "--out", str(out), *options])


def table(found):
    """The figures of `evaluate_corpus`, with all their digits."""
    sections, summary = found
    rows = {section.name: section.measured for section in sections}
    return json.dumps([rows, summary["mean"], summary["by_protocol"]], sort_keys=True)


SETTINGS = EvaluateCorpusSettings(split="all")


def test_parts_and_the_rest_are_the_whole(lab, small_model, tmp_path):
    whole = evaluate_corpus(lab, small_model, SETTINGS)
    parts = Parts(tmp_path / "parts", {"weights": "a"})
    for shard in ("1/3", "3/3"):
        engine = EngineSettings(shard=shard)
        evaluate_corpus(lab, small_model, SETTINGS, engine=engine, parts=parts)
    assert len(list(parts.folder.iterdir())) == 2
    seen = []
    again = evaluate_corpus(lab, small_model, SETTINGS, lambda *at: seen.append(at), parts=parts)
    done, windows = zip(*seen, strict=True)
    assert set(windows) == {windows[0]}  # those of the one that was missing
    assert done[-1] == windows[0] > 0
    assert list(done) == sorted(done)
    assert table(again) == table(whole)
    assert all(section.subject is not None for section in again[0])  # pictures of all of them
    others = Parts(parts.folder, {"weights": "b"})
    for path in parts.folder.iterdir():
        content = json.loads(path.read_text())
        content["measured"][0]["measured"] = {}
        path.write_text(json.dumps(content))
    assert table(evaluate_corpus(lab, small_model, SETTINGS, parts=others)) == table(whole)


def test_a_bad_recording_is_told_and_the_rest_goes_on(lab, small_model):
    cut, inside, good = sorted(lab.rglob("recording*.npz"))
    sections, _ = evaluate_corpus(lab, small_model, SETTINGS)
    expected = [plain(one.measured) for one in sections if good.parent.name in one.name]
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])  # its directory is gone
    damaged = bytearray(inside.read_bytes())
    place = damaged.index(b"clean.npy") + 2000
    damaged[place : place + 4000] = bytes(4000)
    inside.write_bytes(damaged)
    sections, summary = evaluate_corpus(lab, small_model, SETTINGS)
    assert json.dumps([plain(one.measured) for one in sections]) == json.dumps(expected)
    assert [one["file"] for one in summary["failed"]] == [str(cut), str(inside)]
    assert all(one["exit_code"] == 3 for one in summary["failed"])
    assert all(one["file"] in one["message"] for one in summary["failed"])
    for path in (cut, inside, good):
        path.write_bytes(b"nothing")
    with pytest.raises(CorpusError):
        evaluate_corpus(lab, small_model, SETTINGS)


@pytest.mark.slow
def test_shards_and_the_rest_give_the_figures_of_one_by_one(lab, weights, tmp_path, capsys):
    assert evaluate(lab, tmp_path / "one", weights) == 0
    expected, out = figures(tmp_path / "one"), tmp_path / "out"
    assert len(expected["recordings"]) >= 3
    for part in ("1/3", "3/3"):
        assert evaluate(lab, out, weights, "--shard", part) == 0
    assert not (out / "report.json").exists()
    assert len(list((out / "parts").iterdir())) == 2
    stamps = {path: path.stat().st_mtime_ns for path in (out / "parts").iterdir()}
    assert evaluate(lab, out, weights) == 0  # measures the one that is missing
    assert figures(out) == expected
    assert stamps == {path: path.stat().st_mtime_ns for path in (out / "parts").iterdir()}
    page = (out / "report.html").read_text()
    assert page.count("<h2>speaker") == (tmp_path / "one" / "report.html").read_text().count(
        "<h2>speaker"
    )
    for path in stamps:  # figures of other weights are not taken
        content = json.loads(path.read_text())
        content["asked"]["weights"] = "other"
        content["measured"][0]["measured"] = {}
        path.write_text(json.dumps(content))
    assert evaluate(lab, out, weights, "--overwrite") == 0
    assert figures(out) == expected


@pytest.mark.slow
@pytest.mark.parametrize("options", [["--workers", "2"], ["--engine", "dask", "--workers", "2"]])
def test_other_processes_give_the_figures_of_one_by_one(lab, weights, tmp_path, options):
    if "dask" in options:
        pytest.importorskip("distributed")
    extra = ["--controls", "--samples", "2"]
    assert evaluate(lab, tmp_path / "one", weights, *extra) == 0
    assert evaluate(lab, tmp_path / "many", weights, *extra, *options) == 0
    assert figures(tmp_path / "many") == figures(tmp_path / "one")
    one, many = (json.loads((tmp_path / n / "report.json").read_text()) for n in ("one", "many"))
    assert one["controls"] == many["controls"]


@pytest.mark.slow
def test_the_exit_code_and_the_report_tell_of_a_bad_recording(lab, weights, tmp_path, capsys):
    assert evaluate(lab, tmp_path / "whole", weights) == 0
    cut, inside, _ = sorted(lab.rglob("recording*.npz"))
    expected = [
        one
        for one in figures(tmp_path / "whole")["recordings"]
        if cut.parent.name not in one["name"] and inside.parent.name not in one["name"]
    ]
    whole = cut.read_bytes()
    cut.write_bytes(whole[: len(whole) // 2])  # its directory is gone
    damaged = bytearray(inside.read_bytes())
    place = damaged.index(b"clean.npy") + 2000
    damaged[place : place + 4000] = bytes(4000)
    inside.write_bytes(damaged)
    assert evaluate(lab, tmp_path / "out", weights) == 8
    said = capsys.readouterr().err
    assert str(cut) in said
    assert str(inside) in said
    assert "2 recordings could not be evaluated" in said
    content = json.loads((tmp_path / "out" / "report.json").read_text())
    assert content["recordings"] == expected
    assert [one["file"] for one in content["failed"]] == sorted([str(cut), str(inside)])
    for path in lab.rglob("recording*.npz"):
        path.write_bytes(b"nothing")
    assert evaluate(lab, tmp_path / "none", weights) == 7
    assert not (tmp_path / "none" / "report.json").exists()


def test_engines_are_for_a_corpus(tmp_path, capsys):
    assert main(["evaluate", "a.mp4", "--workers", "2"]) == 2
    assert "need --corpus" in capsys.readouterr().err
    assert EngineSettings().workers is None
