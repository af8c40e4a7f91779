"""A folder of recordings: the same results whoever works, faults kept apart, done work kept."""

import csv
import json
import shutil

import pytest

from cleartract.cli import main
from cleartract.recordings.writing import write_recording


@pytest.fixture
def folder(tmp_path, recording):
    """Three recordings in two folders, and one that is none."""
    place = tmp_path / "lab"
    for number, name in enumerate(("a/first.mp4", "a/second.mp4", "b/third.npz")):
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_recording(path, recording.excerpt(number, number + 12), {})
    return place


def contents(out):
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.suffix in (".mp4", ".npz", ".avi")
    }


def rows(out, name="summary"):
    with open(out / f"{name}.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_results_lie_as_the_recordings_do_whoever_makes_them(folder, weights, tmp_path):
    ways = {
        "alone": [],
        "processes": ["--workers", "2"],
        "dask": ["--workers", "2", "--engine", "dask"],
    }
    made = {}
    for name, options in ways.items():
        out = tmp_path / name
        arguments = ["denoise", str(folder), "--out", str(out), "--weights", str(weights)]
        assert main([*arguments, *options]) == 0
        made[name] = contents(out)
    assert list(made["alone"]) == ["a/first.mp4", "a/second.mp4", "b/third.npz"]
    assert made["processes"] == made["alone"]
    assert made["dask"] == made["alone"]
    single = tmp_path / "single.mp4"
    arguments = ["denoise", str(folder / "a/first.mp4"), "-o", str(single)]
    assert main([*arguments, "--weights", str(weights)]) == 0
    assert single.read_bytes() == made["alone"]["a/first.mp4"]


def test_a_bad_file_stops_no_other_and_is_told(folder, weights, tmp_path, capsys):
    (folder / "a" / "bad.mp4").write_bytes(b"no video")
    out = tmp_path / "out"
    assert main(["denoise", str(folder), "--out", str(out), "--weights", str(weights)]) == 8
    printed = capsys.readouterr()
    assert "1 of 4 recordings failed" in printed.err
    assert "3 done, 0 there already, 1 failed" in printed.out
    assert len(contents(out)) == 3
    (bad,) = [row for row in rows(out) if row["exit_code"] != "0"]
    assert (bad["state"], bad["exit_code"]) == ("failed", "3")
    assert "bad.mp4" in bad["message"]
    summary = json.loads((out / "summary.json").read_text())
    assert (summary["done"], summary["failed"], summary["recordings"]) == (3, 1, 4)


def test_a_second_run_makes_only_what_is_missing_or_damaged(folder, weights, tmp_path):
    out = tmp_path / "out"
    arguments = ["denoise", str(folder), "--out", str(out), "--weights", str(weights)]
    assert main(arguments) == 0
    before = contents(out)
    (out / "a/second.mp4").unlink()
    (out / "a/second.mp4.json").unlink()
    assert main(arguments) == 0
    assert contents(out) == before
    assert [row["state"] for row in rows(out)] == ["there", "done", "there"]
    # other settings are other results: kept, and said
    assert main([*arguments, "--steps", "2"]) == 8
    assert contents(out) == before
    assert {row["exit_code"] for row in rows(out)} == {"6"}
    assert main([*arguments, "--steps", "2", "--overwrite"]) == 0
    assert contents(out) != before
    # a result that was cut is not there
    (out / "a/first.mp4").write_bytes(before["a/first.mp4"][:500])
    assert main([*arguments, "--steps", "2"]) == 8
    assert [row["state"] for row in rows(out)] == ["failed", "there", "there"]


def test_shards_make_together_what_one_run_makes(folder, weights, tmp_path):
    arguments = ["denoise", str(folder), "--weights", str(weights), "--out"]
    assert main([*arguments, str(tmp_path / "whole")]) == 0
    for shard in ("1/2", "2/2"):
        assert main([*arguments, str(tmp_path / "parts"), "--shard", shard]) == 0
    assert contents(tmp_path / "parts") == contents(tmp_path / "whole")
    assert len(rows(tmp_path / "parts", "summary_1_of_2")) == 2


def test_a_dry_run_writes_nothing(folder, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["denoise", str(folder), "--out", str(out), "--dry-run", "--suffix", "avi"]) == 0
    assert "third.avi: 14 frames\n" in capsys.readouterr().out
    assert not out.exists()


def test_a_dry_run_opens_every_recording_and_says_which_would_fail(
    folder, weights, tmp_path, capsys
):
    out = tmp_path / "out"
    command = ["denoise", str(folder), "--weights", str(weights), "--out", str(out)]
    assert main(command) == 0
    made = contents(out)
    (folder / "cut.mp4").write_bytes((folder / "a/first.mp4").read_bytes()[:900])
    capsys.readouterr()
    assert main([*command, "--dry-run"]) == 8
    told = capsys.readouterr()
    assert told.out.count(" frames, there already") == len(rows(out, "summary"))
    assert told.out.count("would fail: ") == told.out.count("cut.mp4: ") == 1
    assert "1 of 4 recordings would fail" in told.err
    assert contents(out) == made


@pytest.mark.parametrize("shard", [[], ["--shard", "1/2"]])
def test_no_result_is_that_of_two_recordings(tmp_path, recording, weights, capsys, shard):
    """The master of `a` and the result of `a_master` have one name; --overwrite lost one of them."""
    for name in ("a.mp4", "a_master.mp4"):
        write_recording(tmp_path / "in" / name, recording, {})
    command = ["denoise", str(tmp_path / "in"), "--out", str(tmp_path / "out"), *shard]
    command += ["--weights", str(weights), "--suffix", ".avi", "--overwrite"]
    assert main([*command, "--master"]) == 2
    assert "would both become" in capsys.readouterr().err
    assert main(command) == 0


def test_names_of_others_are_not_overwritten(folder, weights, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "summary.csv").write_text("mine")
    assert main(["denoise", str(folder), "--out", str(out), "--weights", str(weights)]) == 6
    assert (out / "summary.csv").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["{lab}", "--out", "{lab}/out"], 6),
        (["{lab}", "--out", "{lab}"], 6),
        (["{lab}", "--out", "{lab}/b/third.npz"], 6),
        (["{lab}/none", "--out", "{tmp}/out"], 7),
        (["{lab}", "--out", "{tmp}/out", "--pattern", "*.mkv"], 7),
        (["{lab}", "--out", "{tmp}/out", "--shard", "3/2"], 2),
        (["{lab}", "--out", "{tmp}/out", "-o", "{tmp}/x.mp4"], 2),
        (["{lab}/a/first.mp4", "{lab}/a/second.mp4"], 2),
        (["{lab}/a/first.mp4", "--workers", "2"], 2),
        ([], 2),
    ],
)
def test_what_cannot_be_done_is_one_line(folder, tmp_path, capsys, arguments, code):
    given = [text.format(lab=folder, tmp=tmp_path) for text in arguments]
    before = sorted(folder.rglob("*"))
    assert main(["denoise", *given]) == code
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert sorted(folder.rglob("*")) == before


def test_sound_that_the_layout_keeps_elsewhere_is_used(folder, weights, tmp_path, recording):
    import soundfile

    lab, name = tmp_path / "timit", "usctimit_f1_001"
    (lab / "avi").mkdir(parents=True)
    (lab / "wav").mkdir()
    from dataclasses import replace

    silent = replace(recording, audio=None, sample_rate=None)
    write_recording(lab / "avi" / f"{name}.avi", silent, {})
    soundfile.write(lab / "wav" / f"{name}.wav", recording.audio, recording.sample_rate)
    out = tmp_path / "out"
    assert main(["denoise", str(lab), "--out", str(out), "--weights", str(weights)]) == 0
    sidecar = json.loads((out / "avi" / f"{name}.mp4.json").read_text())
    assert sidecar["audio"]["path"].endswith(f"{name}.wav")
    shutil.rmtree(out)


def test_what_a_killed_worker_left_is_gone_on_with(folder, weights, tmp_path):
    """The recording is tried again by a worker that was given the same job."""
    from cleartract.commands.denoise import Denoise
    from cleartract.commands.many import outcome_of
    from cleartract.denoising.partial import partial_folder

    target = tmp_path / "out" / "first.mp4"
    job = Denoise(inputs=(folder / "a/first.mp4",), output=target, weights=str(weights))
    partial_folder(target).mkdir(parents=True)
    outcome = outcome_of(job)
    assert (outcome.state, outcome.message) == ("done", "")
    assert target.exists()
    assert not partial_folder(target).exists()
