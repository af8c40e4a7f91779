import json

import numpy as np
import pytest

from cleartract.cli import main
from cleartract.corpora.dataset import AVDataset
from cleartract.corpora.simulated import SimulatedRecording
from cleartract.errors import RecordingError
from cleartract.evaluation.corpus import evaluate_corpus
from cleartract.evaluation.evaluate import evaluate
from cleartract.evaluation.report import finite, mean_of, table_rows, write_report
from cleartract.evaluation.settings import EvaluateCorpusSettings
from cleartract.files import sha256
from cleartract.recordings.writing import write_recording


@pytest.fixture
def written(recording, tmp_path):
    write_recording(tmp_path / "noisy.avi", recording, {})
    return tmp_path / "noisy.avi"


def test_a_corpus_with_controls_and_samples(short_corpus, weights, tmp_path, capsys):
    out = tmp_path / "report"
    command = ["evaluate", "--corpus", str(short_corpus), "--split", "all", "--weights", weights]
    command += ["--limit", "2", "--controls", "--samples", "3", "--out", str(out)]
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert "PSNR in the airway" in printed
    assert "lost frames: the matched audio" in printed
    assert "nan" not in printed
    report = json.loads((out / "report.json").read_text())
    assert report["made"]["corpus"] == str(short_corpus)
    names = [row["name"] for row in report["recordings"]]
    assert len(set(names)) == len(names) == 3
    airway = [r["with_truth"]["psnr_airway"]["denoised"] for r in report["recordings"]]
    assert airway == sorted(airway)
    first = report["recordings"][0]
    assert set(first["articulation"]) >= {"lips", "velum port"}
    assert first["uncertainty"]["coverage_50%"] < first["uncertainty"]["coverage_90%"] <= 1
    assert first["consistency"] > 0
    assert set(report["controls"]["psnr_airway"]["all frames"]) >= {"matched", "null", "swapped"}
    page = (out / "report.html").read_text()
    assert "://" not in page  # opens without a network
    assert page.count("<iframe") == len(names)
    assert page.count("<figcaption>Uncertainty") == len(names)
    player = (out / "player_01.html").read_text()
    planes = json.loads(player.split('id="held-info">')[1].split("</script>")[0])["planes"]
    assert [plane["name"] for plane in planes] == ["noisy", "denoised", "truth", "uncertainty"]
    assert main(command) == 6  # a report is not overwritten
    assert "--overwrite" in capsys.readouterr().err


def test_a_result_without_truth(written, tmp_path, weights, capsys):
    result = tmp_path / "clean.mp4"
    assert main(["denoise", str(written), "-o", str(result), "--weights", weights]) == 0
    command = ["evaluate", str(result), "--noisy", str(written), "--weights", weights]
    assert main(command) == 0
    report = json.loads((tmp_path / "clean_evaluation" / "report.json").read_text())
    (row,) = report["recordings"]
    assert "with_truth" not in row
    assert row["consistency"] > 0
    made = report["made"]
    assert made["result"] == {"path": str(result), "sha256": sha256(result)}
    assert made["noisy"] == {"path": str(written), "sha256": sha256(written)}
    assert made["truth"] is None
    assert {"cleartract", "date", "command", "platform", "threads"} <= set(made)
    assert "seam_index" in row["without_truth"]  # window and step come from the sidecar
    assert set(row["residual"]) >= {"edges", "motion", "structure"}


def test_consistency_is_only_that_of_what_made_the_result(written, tmp_path, weights, capsys):
    result = tmp_path / "clean.mp4"
    assert main(["denoise", str(written), "-o", str(result), "--weights", weights]) == 0
    assert main(["evaluate", str(result), "--noisy", str(written)]) == 0  # the shipped weights
    assert "made with small_test.safetensors" in capsys.readouterr().out
    report = json.loads((tmp_path / "clean_evaluation" / "report.json").read_text())
    assert "consistency" not in report["recordings"][0]


def test_recordings_in_which_nothing_can_be_seen(recording, tmp_path, capsys):
    from dataclasses import replace

    with pytest.raises(RecordingError, match="every pixel is the same"):
        evaluate(replace(recording, frames=np.ones_like(recording.frames)))
    with pytest.raises(RecordingError, match="too small"):
        evaluate(replace(recording, frames=recording.frames[:2]))
    still = replace(recording, frames=np.repeat(recording.frames[:1], 6, 0), audio=None,
                    sample_rate=None)  # fmt: skip
    section = evaluate(still, noisy=still)
    write_report(tmp_path / "still", [section], {})
    assert json.loads((tmp_path / "still" / "report.json").read_text())["recordings"]


def test_padding_of_odd_sizes_is_taken_away(recording):
    from dataclasses import replace

    odd = replace(recording, frames=recording.frames[:, :51, :59])
    padded = replace(recording, frames=np.pad(odd.frames, ((0, 0), (0, 1), (0, 1)), "edge"))
    section = evaluate(padded, odd)
    assert section.measured["with_truth"]["psnr"]["denoised"] > 100


def test_a_result_equal_to_its_truth_has_no_error(short_corpus):
    path = AVDataset(short_corpus, "test").entries[0].path
    simulated = SimulatedRecording.load(path)
    section = evaluate(simulated.truth(), path, simulated.noisy("view_shared"))
    table = section.measured["with_truth"]
    assert table["ssim"]["denoised"] == pytest.approx(1)
    assert table["texture_ratio"]["denoised"] == pytest.approx(1)
    assert table["psnr"]["denoised"] > 100 > table["psnr"]["noisy"]
    rows = section.measured["articulation"].values()
    scored = [row for row in rows if "not_scored" not in row]
    assert len(scored) >= 3
    for row in scored:
        assert row["error_mm"]["denoised"] == pytest.approx(0, abs=1e-6)
        assert row["closure_change_mm"]["denoised"] == pytest.approx(0, abs=1e-6)


def test_another_unit_of_intensity_is_noticed(recording):
    from dataclasses import replace

    brighter = replace(recording, frames=recording.frames * 257, peak=65535.0)
    section = evaluate(brighter, recording)
    dimmer = evaluate(replace(recording, frames=recording.frames * 0.9), recording)
    assert dimmer.measured["with_truth"]["psnr"]["denoised"] < 40  # the same unit: an error
    assert not dimmer.notes
    assert section.measured["with_truth"]["psnr"]["denoised"] > 60
    assert "multiplied" in section.notes[0]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "either"),
        (["x.mp4", "--corpus", "c"], 2, "either"),
        (["x.mp4", "--controls"], 2, "--corpus"),
        (["--corpus", "c", "--samples", "1"], 2, "two samples"),
        (["missing.mp4"], 3, "missing.mp4"),
        (["--corpus", "nowhere"], 7, "nowhere"),
        (["x.mp4", "--pixel-size", "-1"], 2, "--pixel-size"),
        (["x.mp4", "--split", "train"], 2, "--corpus"),
        (["--corpus", "c", "--limit", "0"], 2, "--limit"),
        (["--corpus", "c", "--pixel-size", "2"], 2, "single recording"),
    ],
)
def test_bad_use_is_one_line(arguments, code, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["evaluate", *arguments]) == code
    error = capsys.readouterr().err.strip()
    assert message in error
    assert "\n" not in error
    assert not list(tmp_path.iterdir())


def test_frames_that_do_not_match_are_refused(recording, written, tmp_path, capsys):
    np.savez(tmp_path / "short.npz", frames=recording.frames[:5], rate=[65040, 781])
    assert main(["evaluate", str(tmp_path / "short.npz"), "--noisy", str(written)]) == 3
    assert "same frames" in capsys.readouterr().err


def test_grid_lines_must_lie_in_the_picture(written, tmp_path, capsys):
    lines = tmp_path / "lines.json"
    command = ["evaluate", str(written), "--grid-lines", str(lines)]
    cases = {
        '{"lips": [[10, 10], [500, 10]]}': "leaves the picture",
        '{"lips": [[10, 10], [10, 10.5]]}': "1 mm long",
        '{"lips": [10, 20, 30]}': "not two points",
        "lips 10 20": "as JSON",
    }
    for content, message in cases.items():
        lines.write_text(content)
        assert main(command) == 2
        assert message in capsys.readouterr().err
    lines.unlink()
    assert main(command) == 2
    assert "no such file" in capsys.readouterr().err


def test_uncertainty_is_no_recording(written, tmp_path, weights, capsys):
    command = ["denoise", str(written), "-o", str(tmp_path / "s.npz"), "--weights", weights]
    assert main([*command, "--samples", "2", "--steps", "2"]) == 0
    assert main(["evaluate", str(tmp_path / "s_uncertainty.npz")]) == 3
    assert "uncertainty" in capsys.readouterr().err


def test_a_result_alone_is_noted(recording):
    assert any("located on the result itself" in note for note in evaluate(recording).notes)
    assert not evaluate(recording, noisy=recording).notes


def test_corpus_means_are_those_of_their_recordings(short_corpus, small_model):
    settings = EvaluateCorpusSettings(split="all")
    sections, summary = evaluate_corpus(short_corpus, small_model, settings)
    psnr = [s.measured["with_truth"]["psnr"]["denoised"] for s in sections]
    assert summary["mean"]["with_truth"]["psnr"]["denoised"] == pytest.approx(np.mean(psnr))
    assert sum(group["count"] for group in summary["by_protocol"].values()) == len(sections)


def test_means_leave_out_what_is_not_a_number():
    mean = mean_of([{"a": {"b": 1.0}}, {"a": {"b": float("nan")}}, {"a": {"b": 3.0}}])
    assert mean == {"a": {"b": 2.0}}
    assert finite({"x": float("inf"), "y": [np.float64(1.5)]}) == {"x": None, "y": [1.5]}
    rows = table_rows({"with_truth": {"psnr": {"noisy": 20.0, "denoised": 26.5}}})
    assert rows == [("PSNR", "dB", "20", "26.5", "higher")]


def text_grid(path, label) -> None:
    """A short TextGrid with one word."""
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "0", "1", "<exists>", "1"]
    lines += ['"IntervalTier"', '"words"', "0", "1", "1", "0.05", "0.2", f'"{label}"', ""]
    path.write_text("\n".join(lines))


def test_the_annotation_of_the_noisy_recording_is_that_of_its_result(written, recording, tmp_path):
    pytest.importorskip("praatio")
    text_grid(written.with_suffix(".TextGrid"), "noisy")
    section = evaluate(recording, noisy=written)
    assert section.annotation.words.intervals[0].label == "noisy"
    write_report(tmp_path / "report", [section], {})
    assert '[0.05, 0.2, "noisy"]' in (tmp_path / "report" / "player_01.html").read_text()


def test_a_damaged_annotation_is_a_note_and_an_error_where_it_was_named(written, capsys):
    damaged = written.with_suffix(".TextGrid")
    damaged.write_text("nothing")
    section = evaluate(written)
    assert section.annotation is None
    assert any(note.startswith(f"{damaged}: ") for note in section.notes)
    assert main(["evaluate", str(written), "--annotation", str(damaged)]) == 3
    assert f"{damaged}: not a readable TextGrid" in capsys.readouterr().err
