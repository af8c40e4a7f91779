import csv
import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from scipy.io import loadmat

from cleartract.cli import main
from cleartract.files import sha256
from cleartract.recordings.writing import write_recording

LINE = {"gap": [[30.0, 100.0], [120.0, 100.0]]}
RATE = 25


@pytest.fixture
def opening(tmp_path, recording):
    """A wall on the left, and tissue on the right that leaves a gap of known width."""
    x = np.arange(50)
    widths = 3 + 2 * np.sin(np.arange(60) / 5)  # [pixels]
    rows = np.clip(10.5 - x, 0, 1) + np.clip(x - 10 - widths[:, None] + 0.5, 0, 1)
    frames = 200 * rows.clip(0, 1)[:, None].repeat(50, 1)
    path = tmp_path / "opening.npz"
    write_recording(path, replace(recording, frames=frames.astype(np.float32), peak=None), {})
    (tmp_path / "lines.json").write_text(json.dumps(LINE))
    return path, widths * 200 / 50


def measured(path, *options) -> int:
    lines = path.with_name("lines.json")
    return main(["measure", str(path), "--grid-lines", str(lines), *map(str, options)])


def test_the_width_of_the_gap_comes_out_in_millimetres(opening):
    path, widths = opening
    assert measured(path) == 0
    with open(path.with_name("opening_degrees.csv"), newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["frame", "time [s]", "gap [mm]"]
    assert len(rows) == 61
    found = np.array([float(row[2]) for row in rows[1:]])
    np.testing.assert_allclose(found, widths, atol=1.5)
    assert json.loads(path.with_name("opening_degrees.lines.json").read_text()) == LINE


def test_a_line_without_air_is_not_scored(opening, capsys):
    path, _ = opening
    lines = {**LINE, "wall": [[5.0, 20.0], [35.0, 20.0]]}
    path.with_name("lines.json").write_text(json.dumps(lines))
    assert measured(path) == 0
    assert "wall" in capsys.readouterr().out
    with open(path.with_name("opening_degrees.csv"), newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0][2] == "gap [mm]"
    assert rows[0][3].startswith("wall [mm], not scored: ")
    assert {row[3] for row in rows[1:]} == {"nan"}
    assert path.with_name("opening_degrees.lines.png").read_bytes()[:4] == b"\x89PNG"
    assert measured(path, "-o", path.with_name("b.mat")) == 0
    stored = loadmat(path.with_name("b.mat"), chars_as_strings=True)
    assert stored["confidence"][:, 0] == pytest.approx([1, 0], abs=0.1)
    assert np.isnan(stored["degrees"][:, 1]).all()


def test_the_recording_before_tells_how_far_closures_moved(opening, capsys):
    path, _ = opening
    assert measured(path, "--noisy", path) == 0
    assert "closures are kept" in capsys.readouterr().out
    frames = np.load(path)["frames"].copy()
    frames[20:28, :, 10:14] = 0  # in the middle of a closure
    other = path.with_name("other.npz")
    np.savez(other, **{**dict(np.load(path)), "frames": frames})
    assert measured(path, "--noisy", other, "--overwrite") == 0
    assert "closures changed by up to" in capsys.readouterr().out


def test_matlab_gets_the_same_numbers(opening):
    path, _ = opening
    assert measured(path, "-o", path.with_name("a.csv")) == 0
    assert measured(path, "-o", path.with_name("b.mat")) == 0
    table = np.loadtxt(path.with_name("a.csv"), delimiter=",", skiprows=1)
    stored = loadmat(path.with_name("b.mat"))
    np.testing.assert_allclose(stored["time"][:, 0], table[:, 1], atol=1e-6)
    np.testing.assert_allclose(stored["degrees"], table[:, 2:], atol=1e-3)


def test_nothing_is_overwritten_and_other_kinds_are_refused(opening, capsys):
    path, _ = opening
    assert measured(path) == 0
    assert measured(path) == 6
    assert "exists; give --overwrite" in capsys.readouterr().err
    assert measured(path, "--overwrite") == 0
    assert measured(path, "-o", path.with_name("a.xlsx")) == 6


def test_a_table_of_each_kind_may_have_one_name(opening, capsys):
    """The lines and their picture are the same; those of other lines are kept."""
    path, _ = opening
    table, lines = path.with_name("m.csv"), path.with_name("m.lines.json")
    assert measured(path, "-o", table) == 0
    before = {one.name: one.stat().st_mtime_ns for one in path.parent.iterdir()}
    assert measured(path, "-o", path.with_name("m.mat")) == 0
    np.testing.assert_allclose(
        loadmat(path.with_name("m.mat"))["degrees"],
        np.loadtxt(table, delimiter=",", skiprows=1)[:, 2:],
        atol=1e-3,
    )
    after = {one.name: one.stat().st_mtime_ns for one in path.parent.iterdir()}
    new = {name: after[name] for name in ("m.mat", "m.mat.json")}
    assert after == before | new
    for name in new:
        path.with_name(name).unlink()
    lines.write_text(json.dumps({"mine": LINE["gap"]}))
    assert measured(path, "-o", path.with_name("m.mat")) == 6
    assert "m.lines.json: exists, of other lines" in capsys.readouterr().err
    assert json.loads(lines.read_text()) == {"mine": LINE["gap"]}
    assert not path.with_name("m.mat").exists()
    assert measured(path, "-o", path.with_name("m.mat"), "--overwrite") == 0
    assert json.loads(lines.read_text()) == LINE


def test_the_sidecar_names_all_that_was_read_and_the_table(opening):
    path, _ = opening
    assert measured(path, "--noisy", path) == 0
    table = path.with_name("opening_degrees.csv")
    made = json.loads(table.with_name("opening_degrees.csv.json").read_text())
    assert made["input"] == {"path": str(path), "sha256": sha256(path)}
    assert made["grid_lines"]["sha256"] == sha256(path.with_name("lines.json"))
    assert made["noisy"] == made["input"]
    assert made["regions"] is made["annotation"] is None
    assert made["sha256"] == {"table": sha256(table)}
    assert made["lines"]["gap"]["points"] == LINE["gap"]
    assert made["pixel_size"] == pytest.approx(200 / 50)
    assert {"cleartract", "date", "command", "platform", "threads"} <= set(made)


@pytest.mark.parametrize("option", ["--noisy", "--regions", "--annotation"])
def test_nothing_that_is_read_is_replaced(opening, option, capsys):
    path, _ = opening
    other = path.with_name("other.mat")
    other.write_text("kept")
    assert measured(path, option, other, "-o", other, "--overwrite") == 6
    assert other.read_text() == "kept"
    assert "is the input" in capsys.readouterr().err


def spoken_file(path, words) -> None:
    """A short TextGrid of one tier."""
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "0", "9", "<exists>", "1"]
    lines += ['"IntervalTier"', '"words"', "0", "9", str(len(words))]
    lines += [f'{start}\n{end}\n"{label}"' for start, end, label in words]
    path.write_text("\n".join([*lines, ""]), encoding="utf-16")


def columns(path) -> list[tuple[str, ...]]:
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["frame", "time [s]", "gap [mm]", "word", "phone"]
    return [tuple(row[3:]) for row in rows[1:]]


def test_every_frame_gets_its_word_and_phone(opening, capsys):
    pytest.importorskip("praatio")
    path, _ = opening
    rate = float(Fraction(65040, 781))
    border = 20 / rate  # between two frames
    spoken_file(path.with_suffix(".TextGrid"), [(0.0, border, "ʃa, b"), (border, 0.5, '=""c""')])
    assert measured(path) == 0
    assert "words and phones of opening.TextGrid" in capsys.readouterr().out
    rows = columns(path.with_name("opening_degrees.csv"))
    last = int(np.ceil(0.5 * rate - 0.5))  # the first frame whose centre is not before 0.5 s
    assert rows == [("ʃa, b", "")] * 20 + [('="c"', "")] * (last - 20) + [("", "")] * (60 - last)
    assert measured(path, "-o", path.with_name("b.mat")) == 0
    stored = loadmat(path.with_name("b.mat"), chars_as_strings=True)
    for column, name in enumerate(("word", "phone")):
        assert stored[name].shape == (60, 1)
        labels = ["".join(cell.ravel()) for cell in stored[name][:, 0]]
        assert labels == [row[column] for row in rows]


def test_an_annotation_may_be_named_and_damage_is_only_then_an_error(opening, tmp_path, capsys):
    pytest.importorskip("praatio")
    path, _ = opening
    path.with_suffix(".TextGrid").write_text("damaged")
    assert measured(path) == 0
    assert "opening.TextGrid: not a readable TextGrid" in capsys.readouterr().err
    named = path.with_name("other.TextGrid")
    assert measured(path, "--overwrite", "--annotation", named) == 3
    spoken_file(named, [(0.0, 9.0, "x")])
    assert measured(path, "--overwrite", "--annotation", named) == 0
    assert columns(path.with_name("opening_degrees.csv")) == [("x", "")] * 60
    assert not capsys.readouterr().err.count("opening.TextGrid")


def test_areas_of_regions_stand_beside_the_degrees(opening, capsys):
    path, _ = opening
    regions = {"gap area": [[20, 40], [120, 40], [120, 140], [20, 140]]}
    regions["tissue"] = [[130, 40], [180, 40], [180, 140]]
    chosen = path.with_name("regions.json")
    chosen.write_text(json.dumps(regions))
    assert measured(path, "--regions", chosen, "-o", path.with_name("a.csv")) == 0
    assert "tissue    not measured: air and tissue do not differ" in capsys.readouterr().out
    with open(path.with_name("a.csv"), newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows[0][2:4] == ["gap [mm]", "gap area [mm²]"]
    assert rows[0][4].startswith("tissue [mm²], not measured: ")
    degree, area = np.array([row[2:4] for row in rows[1:]], float).T
    np.testing.assert_allclose(area, 100 * degree, rtol=0.15, atol=100)
    assert measured(path, "--regions", chosen, "-o", path.with_name("b.mat")) == 0
    stored = loadmat(path.with_name("b.mat"))
    np.testing.assert_allclose(stored["areas"][:, 0], area, atol=1e-3)
    assert stored["regions"].shape == (2, 1)
