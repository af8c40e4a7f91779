"""Names and metadata of files are text in every page that is written, never a part of the page."""

import json
from dataclasses import replace

import av
import pytest

from cleartract.cli import main
from cleartract.recordings.writing import write_recording
from cleartract.training.run_page import write_history

MARK = "</script><script>alert(1)</script>"
NAME = "<img src=x onerror=alert(1)>"


@pytest.fixture
def marked(tmp_path, recording):
    """A recording whose name, comment, annotation and sidecar hold marks of HTML."""
    plain, path = tmp_path / "plain.mp4", tmp_path / f"{NAME}.mp4"
    write_recording(plain, replace(recording, frames=recording.frames.repeat(2, 0)), {})
    with av.open(str(plain)) as source, av.open(str(path), "w") as target:
        target.metadata["comment"] = target.metadata["title"] = f"generated {MARK}"
        streams = {s.index: target.add_stream_from_template(s) for s in source.streams}
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                target.mux(packet)
    words = f'0\n0.3\n<exists>\n1\n"IntervalTier"\n"words"\n0\n0.3\n1\n0\n0.3\n"{MARK}"\n'
    head = 'File type = "ooTextFile"\nObject class = "TextGrid"\n\n'
    path.with_suffix(".TextGrid").write_text(head + words)
    told = {"warnings": [MARK], "weights": {"path": MARK, "sha256": MARK}, "generated": MARK}
    path.with_name(path.name + ".json").write_text(json.dumps(told))
    return path


def is_clean(page):
    text = page.read_text()
    return MARK not in text and NAME not in text


def test_the_page_of_view_holds_no_marks_of_a_file(marked, tmp_path):
    page = tmp_path / "page.html"
    assert main(["view", str(marked), str(marked), "--export", str(page)]) == 0
    assert is_clean(page)


def test_the_report_of_evaluate_holds_no_marks_of_a_file(marked, tmp_path):
    pytest.importorskip("skimage")
    pytest.importorskip("matplotlib")
    out = tmp_path / "report"
    command = ["evaluate", str(marked), "--noisy", str(marked), "--out", str(out)]
    assert main(command) == 0
    assert "onerror=alert(1)" in (out / "report.html").read_text()  # as text
    assert is_clean(out / "report.html")


def test_the_page_of_a_training_holds_no_marks_of_its_folder(tmp_path):
    run = tmp_path / NAME
    epoch = run / "samples" / "epoch-001"
    epoch.mkdir(parents=True)
    (epoch / f"{NAME}.mp4").write_bytes(b"")
    (run / "config.json").write_text(json.dumps({"data": MARK}))
    (run / "metrics.jsonl").write_text(json.dumps({"step": 1, "loss": 1.0}) + "\n")
    write_history(run, [NAME, MARK], ("noisy", "denoised"))
    assert is_clean(run / "index.html")
