import json
from fractions import Fraction

import numpy as np
import pytest

from cleartract.cli import main
from cleartract.errors import RecordingError
from cleartract.recordings.video_writer import VideoFormat, VideoWriter
from cleartract.viewer.player import Player
from tests.viewer.conftest import coded, number_in


def test_planes_of_other_recordings_are_refused(pair, tmp_path):
    np.savez(tmp_path / "short.npz", frames=coded(10), rate=[65040, 781])
    with pytest.raises(
        RecordingError, match=r"short\.npz: holds 10 frames of 52x40 pixels, speech"
    ):
        Player(pair[0], {"denoised": tmp_path / "short.npz"})


def test_uncertainty_is_shown_from_zero_in_the_unit_of_the_recording(pair, tmp_path):
    spread = np.random.default_rng(0).gamma(2, 2, (2000, 40, 52)).astype(np.float32)
    kind = {"kind": "standard deviation", "rate": [65040, 781]}
    np.savez(tmp_path / "u.npz", frames=spread, **kind)
    player = Player(pair[0], {"denoised": pair[1], "uncertainty": tmp_path / "u.npz"})
    plane = player.described()["planes"][2]
    assert (plane["name"], plane["kind"], plane["low"]) == ("uncertainty", "f4", 0.0)
    assert plane["high"] == pytest.approx(np.percentile(spread, 99.8), rel=0.03)
    assert np.array_equal(player.frames(2, 7), spread[7 * 256 :])


def test_the_window_is_that_of_the_scan_not_of_its_bright_beginning(tmp_path):
    frames = coded(1000).astype(np.float32)
    np.save(tmp_path / "a.npy", frames)
    steady = Player(tmp_path / "a.npy").described()["planes"][0]
    frames[:60] *= 3
    np.save(tmp_path / "b.npy", frames)
    begun = Player(tmp_path / "b.npy").described()["planes"][0]
    assert (begun["low"], begun["high"]) == (steady["low"], steady["high"])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a,b\n1,2\n", "is no table of constriction degrees"), ("", "is no table"),
        ("frame,time [s],lips [mm]\n0,0.1,x\n", "holds rows without numbers"),
        ("frame,time [s],lips [mm]\n0,0.1\n", "holds rows without numbers"),
        ("frame,time [s],lips [mm]\n0,0.1,3\n", "holds 1 frames, the recording 2000"),
    ],
)  # fmt: skip
def test_a_table_that_is_none_is_told_and_left_out(pair, tmp_path, content, said):
    beside = pair[0].with_name("speech_degrees.csv")
    beside.write_text(content)
    player = Player(pair[0])
    info = player.described()
    player.close()
    assert info["measures"] is None
    assert any(said in text and "are left out" in text for text in info["warnings"])
    with pytest.raises(RecordingError, match=said):
        Player(pair[0], measures=beside)


def test_a_result_that_h264_has_padded_to_even_sizes_is_shown_without_the_padding(tmp_path):
    noisy, clean = coded(40)[:, :39, :51], np.pad(coded(40)[:, :39, :51], ((0, 0), (0, 1), (0, 1)))
    np.savez(tmp_path / "a.npz", frames=noisy, rate=[83, 1])
    writer = VideoWriter(tmp_path / "b.mp4", VideoFormat(clean.shape[1:], Fraction(83), crf=1))
    writer.write(clean)
    writer.close()
    player = Player(tmp_path / "a.npz", {"denoised": tmp_path / "b.mp4"})
    shown = player.frames(1, 0)
    player.close()
    assert shown.shape == noisy.shape
    assert np.abs(shown.astype(int) - noisy).max() < 12


def test_a_preview_is_shown_beside_the_beginning_that_it_was_made_from(pair, monkeypatch):
    shown = []
    monkeypatch.setattr("cleartract.viewer.serving.serve", lambda player, *_: shown.append(player))
    np.savez(pair[1], frames=coded(30, 64), rate=[65040, 781])
    assert main(["view", *map(str, pair)]) == 3
    pair[1].with_name(pair[1].name + ".json").write_text(
        json.dumps({"asked": {"preview": "30"}, "frames": 30})
    )
    assert main(["view", *map(str, pair)]) == 0
    (player,) = shown
    assert [plane["name"] for plane in player.described()["planes"]] == ["noisy", "denoised"]
    assert number_in(player.frames(0, 0)[-1]) == number_in(player.frames(1, 0)[-1]) == 29
    player.close()


def test_large_frames_come_in_smaller_chunks(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((9, 1000, 900), np.float32))
    player = Player(tmp_path / "a.npy")
    assert player.chunk == 4
    assert player.frames(0, 2).shape == (1, 1000, 900)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["missing.mp4"], 3, "missing.mp4: no such file"),
        (["speech.npz", "--port", "70000"], 2, "--port"),
        (["speech.npz", "--pixel-size", "0"], 2, "--pixel-size"),
        (["speech.npz", "--export", "page.txt"], 6, "name it .html"),
        (["speech.npz", "--export", "there.html"], 6, "there.html: exists"),
    ],
)
def test_what_cannot_be_shown_is_told_in_one_line(pair, monkeypatch, capsys, arguments, code, said):
    monkeypatch.chdir(pair[0].parent)
    pair[0].with_name("there.html").write_text("mine")
    assert main(["view", *arguments]) == code
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_a_missing_extra_is_named(pair, monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["view", str(pair[0]), "--no-browser"]) == 7
    said = "cleartract: starlette is not installed: pip install 'cleartract[app]'\n"
    assert capsys.readouterr().err == said


def test_a_port_that_is_taken_is_told(pair, capsys):
    import socket

    pytest.importorskip("uvicorn", reason="the extra app is not installed")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["view", str(pair[0]), "--no-browser", "--port", str(port)]) == 2
    assert f"--port: {port} is taken" in capsys.readouterr().err


@pytest.mark.slow
def test_the_command_serves_on_this_machine_until_it_is_interrupted(pair):
    import os
    import re
    import signal
    import subprocess
    import sys
    from urllib.request import urlopen

    pytest.importorskip("uvicorn", reason="the extra app is not installed")
    code = "import sys; from cleartract.cli import main; sys.exit(main(sys.argv[1:]))"
    called = [sys.executable, "-c", code, "view", str(pair[0]), str(pair[1]), "--no-browser"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(called, stdout=subprocess.PIPE, text=True, env=environment) as running:
        said = running.stdout.readline()
        address = re.search(r"http://127\.0\.0\.1:\d+/[\w-]{32}/", said)[0]
        with urlopen(f"{address}info") as answer:
            assert b'"count":2000' in answer.read()
        running.send_signal(signal.SIGINT)
        assert running.wait(10) == 0
