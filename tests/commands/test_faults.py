"""Faults of files and places: one line, the exit code, nothing under the final name, the input as it was."""

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
import soundfile
import torch

from cleartract.cli import main
from cleartract.recordings.opening import open_recording
from cleartract.recordings.recording import Recording
from cleartract.recordings.writing import write_recording


def video(path, frames, rate=80, **options):
    with av.open(str(path), "w") as container:
        stream = container.add_stream(options.get("codec", "libx264"), rate=rate)
        stream.width, stream.height = frames.shape[2], frames.shape[1]
        stream.pix_fmt = options.get("pixels", "yuv420p")
        for frame in frames.astype(np.uint8):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "gray")))
        container.mux(stream.encode())


def no_moov(path, recording):
    write_recording(path, recording, {})
    data = path.read_bytes()
    path.write_bytes(data[: data.rindex(b"moov") - 4])


def playlist(path, recording):
    write_recording(path.with_name("other.mp4"), recording, {})
    path.write_text("ffconcat version 1.0\nfile other.mp4\n")


def sound_only(path, recording):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())


def coloured(path, recording):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=80)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv444p"
        colours = np.zeros((64, 64, 3), np.uint8)
        colours[:32, :, 0], colours[32:, :, 2] = 250, 250
        for _ in range(8):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(colours, "rgb24")))
        container.mux(stream.encode())


def arrays(**content):
    def write(path, recording):
        np.savez(path, **{"rate": np.array([80, 1]), **content})

    return write


def pickled(path, recording):
    np.savez(path, frames=np.array([{}, {}], object), rate=np.array([80, 1]))


def absurd_header(path, recording):
    header = {"descr": "<f8", "fortran_order": False, "shape": (10**6, 512, 512)}
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(file, header)


def with_bad_sound(content):
    def write(path, recording):
        silent = replace(recording, audio=None, sample_rate=None)
        write_recording(path, silent, {})
        path.with_suffix(".wav").write_bytes(content)

    return write


FAULTS = {
    "no moov": ("a.mp4", no_moov, 3),
    "empty": ("a.mp4", lambda path, _: path.write_bytes(b""), 3),
    "text": ("a.mp4", lambda path, _: path.write_text("#EXTM3U\nhttp://example.org/a.ts\n"), 3),
    "playlist": ("a.mp4", playlist, 3),
    "sound only": ("a.mp4", sound_only, 3),
    "colour": ("a.mp4", coloured, 3),
    "zero frames": ("a.npz", arrays(frames=np.zeros((0, 64, 64))), 3),
    "too small": ("a.npz", arrays(frames=np.zeros((20, 8, 8))), 3),
    "too large": ("a.npz", arrays(frames=np.zeros((2, 8000, 16), np.uint8)), 3),
    "NaN": ("a.npz", arrays(frames=np.full((20, 64, 64), np.nan)), 3),
    "infinite": ("a.npz", arrays(frames=np.full((20, 64, 64), np.inf)), 3),
    "pickled": ("a.npz", pickled, 3),
    "two terabytes": ("a.npy", absurd_header, 3),
    "no sound file": ("a.mp4", with_bad_sound(b"RIFF"), 3),
}


def state(folder):
    return {
        path.relative_to(folder): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_recording_is_one_line(tmp_path, recording, weights, capsys, fault):
    name, make, code = FAULTS[fault]
    path = tmp_path / name
    make(path, recording)
    before = state(tmp_path)
    command = ["denoise", str(path), "--weights", str(weights), "-o", str(tmp_path / "out.mp4")]
    assert main(command) == code
    said = capsys.readouterr().err.splitlines()
    lines = [x for x in said if x.startswith("cleartract:") and "no sound found" not in x]
    assert len(lines) == 1, lines
    assert path.stem in lines[0]
    assert state(tmp_path) == before


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1:9/a.mp4", "concat:{clip}|{clip}", "subfile,,start,0,end,0,,:{clip}",
     "file:{clip}", "data:video/mp4;base64,AAAA"],
)  # fmt: skip
def test_an_address_is_no_file(clip, weights, capsys, address):
    out = clip.with_name("out.mp4")
    command = ["denoise", address.format(clip=clip), "--weights", str(weights), "-o", str(out)]
    assert main(command) == 3
    assert "no such file" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize(
    "name", ["ünïcödé ж.mp4", "two words.mp4", "-dash.mp4", "a'b\"c.mp4", "<script>.mp4", "%s.mp4"]
)
def test_any_name_is_a_name(clip, weights, name, monkeypatch):
    monkeypatch.chdir(clip.parent)
    shutil.copy(clip, clip.with_name(name))
    given = f"./{name}" if name.startswith("-") else name
    assert main(["denoise", given, "--weights", str(weights)]) == 0
    assert clip.with_name(name.removesuffix(".mp4") + "_cleartract.mp4").is_file()


@pytest.mark.parametrize("count", [1, 2, 5, 15])
def test_fewer_frames_than_a_window(tmp_path, recording, weights, count):
    path, out = tmp_path / "short.npz", tmp_path / "out.npz"
    write_recording(path, recording.excerpt(0, count), {})
    assert main(["denoise", str(path), "--weights", str(weights), "-o", str(out)]) == 0
    found = open_recording(out).frames
    assert len(found) == count
    assert np.isfinite(found).all()


@pytest.mark.parametrize("kind", ["constant", "black", "some black"])
def test_frames_without_anything_stay_finite(tmp_path, weights, kind):
    frames = np.full((30, 64, 64), 0.0 if kind == "black" else 90.0, np.float32)
    if kind == "some black":
        frames += np.random.default_rng(0).normal(0, 5, frames.shape).astype(np.float32)
        frames[10:14] = 0
    path, out = tmp_path / "plain.npz", tmp_path / "out.npz"
    write_recording(path, Recording(frames, Fraction(80)), {})
    assert main(["denoise", str(path), "--weights", str(weights), "-o", str(out)]) == 0
    assert np.isfinite(open_recording(out).frames).all()


def test_frames_that_are_not_finite_are_named_and_made_anew_when_asked(
    tmp_path, moving_frames, weights, capsys
):
    """The result is that of a recording whose frames hold anything else there."""
    path, other, out = (tmp_path / f"{name}.npz" for name in ("wrong", "other", "out"))
    wrong, filled = moving_frames.copy(), moving_frames.copy()
    wrong[3, 5, 5], wrong[11], wrong[12] = np.nan, np.inf, np.nan
    filled[3, 5, 5], filled[11], filled[12] = filled[2, 5, 5], filled[10], filled[10]
    for place, frames in ((path, wrong), (other, filled)):
        np.savez(place, frames=frames, rate=[80, 1])
    command = ["--weights", str(weights), "-o", str(out), "--overwrite"]
    for lost in ([], ["--lost", "3,11"]):
        assert main(["denoise", str(path), *command, *lost]) == 3
    said = capsys.readouterr().err
    assert "frames 3,11,12 hold values that are not finite; give --lost 3,11,12" in said
    assert "frame 12 holds values" in said
    results = []
    for place in (path, other):
        assert main(["denoise", str(place), *command, "--lost", "3,11,12"]) == 0
        results.append(open_recording(out).frames)
    assert np.isfinite(results[0]).all()
    np.testing.assert_array_equal(*results)


def test_memory_that_ends_during_the_work_is_one_line(clip, weights, capsys, monkeypatch):
    from cleartract.denoising import window_loop

    def never(*_):
        raise torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate ...")

    monkeypatch.setattr(window_loop, "sample_windows", never)
    out = clip.with_name("out.npz")
    command = ["denoise", str(clip), "--weights", str(weights), "-o", str(out), "--batch", "2"]
    assert main(command) == 6
    said = [line for line in capsys.readouterr().err.splitlines() if "cleartract:" in line]
    assert said[-1] == "cleartract: not enough memory; give shorter windows or fewer frames"
    assert not out.exists()
    monkeypatch.undo()
    assert main([*command, "--resume"]) == 0


def test_memory_has_a_limit(clip, weights, capsys):
    for most in ("nan", "0", "-1"):
        command = ["denoise", str(clip), "--weights", str(weights), "--max-memory", most]
        assert main(command) == 2
        assert "--max-memory" in capsys.readouterr().err


@pytest.mark.parametrize("size", [(48, 256), (67, 51), (90, 120)])
def test_odd_and_oblong_sizes(tmp_path, weights, size):
    rng = np.random.default_rng(0)
    frames = (90 + 10 * rng.normal(size=(20, *size))).clip(0, 255).astype(np.float32)
    path, out = tmp_path / "odd.npz", tmp_path / "out.npz"
    write_recording(path, Recording(frames, Fraction(80), peak=255.0), {})
    assert main(["denoise", str(path), "--weights", str(weights), "-o", str(out)]) == 0
    assert open_recording(out).frames.shape == frames.shape


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 192000])
@pytest.mark.parametrize("kind", ["silent", "clipped", "stereo"])
def test_sound_of_any_kind(tmp_path, recording, weights, rate, kind):
    path, out = tmp_path / "heard.mp4", tmp_path / "out.mp4"
    write_recording(path, replace(recording, audio=None, sample_rate=None), {})
    length = int(rate * len(recording) / recording.rate)
    rng = np.random.default_rng(0)
    sound = {
        "silent": np.zeros(length),
        "clipped": np.sign(rng.normal(size=length)),
        "stereo": 0.1 * rng.normal(size=(length, 2)),
    }[kind]
    soundfile.write(path.with_suffix(".wav"), sound, rate)
    assert main(["denoise", str(path), "--weights", str(weights), "-o", str(out)]) == 0
    assert np.isfinite(open_recording(out).frames).all()


def test_output_that_is_the_input_or_a_link_to_it(clip, weights, capsys):
    link = clip.with_name("link.mp4")
    link.symlink_to(clip)
    hard = clip.with_name("hard.mp4")
    os.link(clip, hard)
    before = clip.read_bytes()
    for out in (clip, link, hard):
        command = ["denoise", str(clip), "--weights", str(weights), "-o", str(out), "--overwrite"]
        assert main(command) == 6
        assert "is the input" in capsys.readouterr().err
    assert clip.read_bytes() == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_told_before_the_work(clip, weights, capsys):
    folder = clip.parent / "locked"
    folder.mkdir(mode=0o500)
    out = folder / "out.mp4"
    assert main(["denoise", str(clip), "--weights", str(weights), "-o", str(out)]) == 6
    assert "denoising" not in capsys.readouterr().err


def command_line(clip, weights, out, *options):
    code = "from cleartract.cli import main; exit(main())"
    command = [sys.executable, "-c", code, "denoise", str(clip), "--weights", str(weights)]
    return [*command, "-o", str(out), *options]


def test_nothing_is_written_at_home_or_fetched(clip, weights, tmp_path):
    out, home = tmp_path / "out.npz", tmp_path / "home"
    home.mkdir(mode=0o500)
    environment = {
        "HOME": str(home), "PATH": "", "OMP_NUM_THREADS": "1",
        "http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }  # fmt: skip
    made = subprocess.run(command_line(clip, weights, out), env=environment, capture_output=True)
    assert made.returncode == 0, made.stderr
    assert not list(home.iterdir())


@pytest.mark.slow
def test_killed_twenty_times_and_resumed_it_gives_the_same_bytes(tmp_path, spoken, weights):
    clip = tmp_path / "spoken.avi"
    write_recording(clip, spoken, {})
    options = ["--steps", "8", "--sampler", "ddpm", "--samples", "2", "--step-duration", "5"]
    whole, out = tmp_path / "whole.npz", tmp_path / "killed.npz"
    started = time.monotonic()
    subprocess.run(command_line(clip, weights, whole, *options), check=True, capture_output=True)
    length, draw, kills = time.monotonic() - started, random.Random(1), 0
    resumed = command_line(clip, weights, out, *options, "--resume")
    for _ in range(60):
        process = subprocess.Popen(resumed, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(draw.uniform(0.4, 0.8) * length)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
        assert out.exists() or process.returncode != 0
        if out.exists():  # whole, even where it was killed while it ended
            assert out.read_bytes() == whole.read_bytes()
        if out.exists() and kills < 20:  # it was done before: from the beginning
            for path in tmp_path.glob("killed*"):
                path.unlink()
        if kills >= 20:
            break
    if not out.exists():
        subprocess.run(resumed, check=True)
    assert kills >= 20
    assert out.read_bytes() == whole.read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith(".")) == []
