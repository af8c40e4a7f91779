"""Runs that are killed, resumed, or cannot write: what they leave."""

import json

import numpy as np
import pytest
import soundfile

from cleartract.cli import main
from cleartract.denoising import restore, window_loop
from cleartract.recordings.opening import open_recording
from cleartract.recordings.video_writer import VideoWriter

OPTIONS = ["--window-duration", "4", "--step-duration", "2", "--master"]


def run(clip, weights, out, *options) -> int:
    command = ["denoise", clip, "--weights", weights, "-o", out, *OPTIONS, *options]
    return main([str(part) for part in command])


def interrupt_after(monkeypatch, batches):
    """The run is interrupted when so many batches of windows are restored."""
    whole, done = window_loop.sample_windows, []

    def interrupted(*arguments):
        if len(done) == batches:
            raise KeyboardInterrupt
        done.append(1)
        return whole(*arguments)

    monkeypatch.setattr(window_loop, "sample_windows", interrupted)


def results(out):
    """Bytes of the results, without times that differ from run to run; and then none are left."""
    names = [out.name, f"{out.stem}_master.avi", f"{out.stem}_uncertainty.npz"]
    paths = [path for name in names if (path := out.with_name(name)).exists()]
    found = {path.name: path.read_bytes() for path in paths}
    sidecar = out.with_name(out.name + ".json")
    found["sidecar"] = {
        k: v for k, v in json.loads(sidecar.read_text()).items() if k not in ("timing", "date")
    }
    for path in (*paths, sidecar):
        path.unlink()
    return found


@pytest.mark.parametrize(
    ("name", "options"),
    [("a.npz", []), ("a.avi", []), ("a.npz", ["--samples", "2", "--steps", "2", "--batch", "3"])],
)
def test_a_killed_run_goes_on_to_the_same_bytes(clip, weights, name, options, monkeypatch, capsys):
    out = clip.with_name(name)
    assert run(clip, weights, out, *options) == 0
    whole = results(out)
    before = sorted(clip.parent.iterdir())
    for batches in (2, 1):  # killed, resumed, and killed again
        with monkeypatch.context() as patched:
            interrupt_after(patched, batches * (2 if options else 1))
            resume = ["--resume"] if batches == 1 else []
            assert run(clip, weights, out, *options, *resume) == 130
        partial = clip.with_name(f".{name}.partial")
        assert sorted(clip.parent.iterdir()) == sorted([*before, partial])
        assert not list(partial.glob("*.avi"))
    capsys.readouterr()
    assert run(clip, weights, out, *options) == 6
    said = capsys.readouterr().err
    assert str(partial) in said
    assert "--resume" in said
    assert run(clip, weights, out, *options, "--resume") == 0
    assert results(out) == whole
    assert sorted(clip.parent.iterdir()) == before


def test_resuming_keeps_the_batch_that_was_measured(tmp_path, spoken, weights, monkeypatch):
    """Frames depend on it in their last bits."""
    np.savez(tmp_path / "in.npz", frames=spoken.frames, rate=[50, 1])
    batches = iter([3, 3, 1])
    monkeypatch.setattr(restore, "_WORTH_MEASURING", 1)
    monkeypatch.setattr(restore, "fastest_batch", lambda *_: next(batches))
    clip, out = tmp_path / "in.npz", tmp_path / "out.npz"
    assert run(clip, weights, out) == 0
    whole = results(out)
    with monkeypatch.context() as patched:
        interrupt_after(patched, 5)
        assert run(clip, weights, out) == 130
    assert run(clip, weights, out, "--resume") == 0
    assert results(out) == whole
    assert whole["sidecar"]["parameters"]["batch_used"] == 3


@pytest.mark.parametrize(
    ("options", "word"), [(["--seed", "5"], "settings"), (["--lost", "3"], "lost")]
)
def test_a_killed_run_does_not_go_on_with_other_options(
    clip, weights, options, word, monkeypatch, capsys
):
    out = clip.with_name("a.npz")
    with monkeypatch.context() as patched:
        interrupt_after(patched, 2)
        assert run(clip, weights, out) == 130
    capsys.readouterr()
    assert run(clip, weights, out, "--resume", *options) == 6
    assert f"differs in: {word}" in capsys.readouterr().err
    assert clip.with_name(".a.npz.partial").exists()
    assert run(clip, weights, out, "--resume") == 0


def test_a_killed_run_goes_on_with_the_same_sound_whatever_its_path(
    clip, weights, monkeypatch, capsys
):
    out, noise = clip.with_name("a.npz"), np.random.default_rng(0).normal(0, 0.1, (2, 5000))
    for name, samples in zip(("a.wav", "b.wav"), noise, strict=True):
        soundfile.write(clip.with_name(name), samples, 16_000)
    monkeypatch.chdir(clip.parent)
    with monkeypatch.context() as patched:
        interrupt_after(patched, 2)
        assert run(clip, weights, out, "--audio", "a.wav") == 130
    capsys.readouterr()
    assert run(clip, weights, out, "--audio", "b.wav", "--resume") == 6
    assert "differs in: audio" in capsys.readouterr().err
    with monkeypatch.context() as patched:
        interrupt_after(patched, 1)
        relative = f"../{clip.parent.name}/a.wav"
        assert run(clip, weights, out, "--audio", relative, "--resume") == 130
    assert run(clip, weights, out, "--audio", clip.with_name("a.wav"), "--resume") == 0


def test_a_dry_run_beside_a_killed_one_says_how_to_go_on(clip, weights, monkeypatch, capsys):
    out = clip.with_name("a.npz")
    with monkeypatch.context() as patched:
        interrupt_after(patched, 2)
        assert run(clip, weights, out) == 130
    before = {path: path.read_bytes() for path in clip.parent.rglob("*") if path.is_file()}
    for options in ([], ["--resume"]):
        capsys.readouterr()
        assert run(clip, weights, out, "--dry-run", *options) == 0
        said = capsys.readouterr().out
        assert f"{clip.with_name('.a.npz.partial')}: left by a run that was stopped" in said
        assert "--resume" in said
    after = {path: path.read_bytes() for path in clip.parent.rglob("*") if path.is_file()}
    assert after == before


def failing(monkeypatch, method, path_part):
    """A video whose name holds `path_part` cannot be written."""
    whole, begin = getattr(VideoWriter, method), VideoWriter.__init__

    def opened(self, path, *arguments):
        self.path = path
        begin(self, path, *arguments)

    def broken(self, *arguments):
        if path_part in self.path.name:
            raise OSError(28, "No space left on device")
        return whole(self, *arguments)

    monkeypatch.setattr(VideoWriter, "__init__", opened)
    monkeypatch.setattr(VideoWriter, method, broken)


@pytest.mark.parametrize("method", ["write", "close"])
@pytest.mark.parametrize(("part", "named"), [("master", "a_master.avi"), (".a.", "a.mp4")])
def test_a_result_that_fails_is_named_and_its_frames_are_kept(
    clip, weights, method, part, named, monkeypatch, capsys
):
    before = sorted(clip.parent.iterdir())
    failing(monkeypatch, method, part)
    assert run(clip, weights, clip.with_name("a.mp4")) == 6
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert f"{clip.with_name(named)}: cannot be written (No space left on device)" in said
    assert ".json" not in said
    partial = clip.with_name(".a.mp4.partial")
    assert sorted(clip.parent.iterdir()) == sorted([*before, partial])
    monkeypatch.undo()
    assert run(clip, weights, clip.with_name("a.mp4"), "--resume") == 0
    assert not partial.exists()


def test_results_appear_together(clip, weights, monkeypatch):
    out, seen = clip.with_name("a.mp4"), []
    close = VideoWriter.close

    def closed(self):
        close(self)
        seen.append(sorted(path.name for path in clip.parent.glob("a*")))

    monkeypatch.setattr(VideoWriter, "close", closed)
    assert run(clip, weights, out) == 0
    assert seen == [[], []]
    names = sorted(path.name for path in clip.parent.glob("a*"))
    assert names == ["a.mp4", "a.mp4.json", "a_master.avi"]
    assert len(open_recording(out)) == len(open_recording(clip.with_name("a_master.avi"))) == 24


def test_nothing_is_left_of_a_run_that_failed(clip, weights, monkeypatch, capsys):
    """Only an interrupted run can go on."""

    def broken(*arguments):
        raise RuntimeError("no")

    monkeypatch.setattr(window_loop, "sample_windows", broken)
    before = sorted(clip.parent.iterdir())
    with pytest.raises(RuntimeError):
        run(clip, weights, clip.with_name("a.npz"))
    assert sorted(clip.parent.iterdir()) == before
