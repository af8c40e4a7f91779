"""What is left of a recording that was cut off: frames and sound up to the cut, in step."""

import json
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
import soundfile

from cleartract.cli import main
from cleartract.recordings.opening import open_recording, open_source, open_with_usable_sound
from cleartract.recordings.sound import whole
from cleartract.recordings.writing import write_recording

RATE, HEARD = Fraction(65040, 781), 22_050


@pytest.fixture
def long(moving_frames, recording):
    """120 frames that compress badly, with a tone that becomes higher."""
    rng = np.random.default_rng(7)
    frames = np.tile(moving_frames, (5, 1, 1)) + rng.normal(0, 8, (120, *moving_frames.shape[1:]))
    time = np.arange(round(120 / RATE * HEARD)) / HEARD
    tone = (0.3 * np.sin(2 * np.pi * (200 + 400 * time) * time)).astype(np.float32)
    frames = frames.round().clip(0, 255).astype(np.float32)
    return replace(recording, frames=frames, audio=tone, sample_rate=HEARD)


def written(path, recording):
    """A file whose index comes first; sound and frames of every stretch stand side by side."""
    first = path.with_name("first.mp4")
    write_recording(first, recording, {})
    options = {"movflags": "faststart"} if path.suffix == ".mp4" else {}
    with av.open(str(first)) as source, av.open(str(path), "w", options=options) as target:
        streams = {s.index: target.add_stream_from_template(s) for s in source.streams}
        packets = [packet for packet in source.demux() if packet.dts is not None]
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            packet.stream = streams[packet.stream.index]
            target.mux(packet)
    first.unlink()
    return path


def cut(path, share):
    torn = path.with_stem("torn")
    content = path.read_bytes()
    torn.write_bytes(content[: int(share * len(content))])
    return torn


@pytest.mark.parametrize("share", [0.5, 0.62, 0.73, 0.95])
@pytest.mark.parametrize("kind", [".mp4", ".mkv"])
def test_what_is_left_is_the_beginning_of_the_whole(tmp_path, long, kind, share):
    """H.264 stores frames out of order: those after a missing one are not shown in its place."""
    path = written(tmp_path / f"whole{kind}", long)
    complete = open_recording(path)
    source, _ = open_with_usable_sound(torn := cut(path, share), salvage=True)
    packets = source.count
    source.end_at_cut()
    frames = np.concatenate(list(source.chunks()))
    assert len(frames) == source.count <= packets < 120
    assert packets - len(frames) < 8
    np.testing.assert_array_equal(frames, complete.frames[: len(frames)])
    heard = whole(source.sound)
    np.testing.assert_array_equal(heard, complete.audio[: len(heard)])
    assert len(heard) / HEARD == pytest.approx(len(frames) / RATE, abs=0.35)  # as they are stored
    with av.open(str(torn)) as container:  # nothing whole is left out
        stream = container.streams.video[0]
        after = [p for p in container.demux(stream) if p.size and p.pts is not None]
        last = after[-1].pts  # torn
        kept, rest = np.split(np.sort([p.pts for p in after]), [len(frames)])
    assert not rest.size or rest[0] == last or rest[0] - kept[-1] > 1.5 * (kept[1] - kept[0])


@pytest.mark.parametrize("name", ["out.mp4", "out.avi", "out.tif"])
@pytest.mark.parametrize("share", [0.5, 0.73])
def test_the_sound_up_to_the_cut_is_in_the_result(tmp_path, long, weights, capsys, share, name):
    if name == "out.tif":
        pytest.importorskip("tifffile")
    path, out = written(tmp_path / "whole.mp4", long), tmp_path / name
    torn, command = cut(path, share), ["denoise", "--weights", str(weights), "-o", str(out)]
    assert main([*command, str(torn)]) == 3
    (said,) = capsys.readouterr().err.splitlines()
    assert main([*command, str(torn), "--salvage"]) == 0
    result, complete = open_source(out), open_recording(path)
    frames = json.loads(out.with_name(name + ".json").read_text())["frames"]
    assert f"the last good frame is {frames - 1};" in said
    assert result.count == frames
    heard = whole(result.sound)
    length = min(len(heard), len(complete.audio))
    assert length / HEARD > 0.7 * share * 120 / float(RATE)
    apart = 0 if name == "out.mp4" else 1 / 32767  # copied, or rounded to 16 bit
    np.testing.assert_allclose(heard[:length], complete.audio[:length], atol=1.01 * apart)


def test_sound_beside_may_be_that_of_the_whole(tmp_path, long, weights):
    path = written(tmp_path / "whole.mkv", replace(long, audio=None, sample_rate=None))
    torn, out = cut(path, 0.4), tmp_path / "out.npz"
    soundfile.write(torn.with_suffix(".wav"), long.audio, HEARD, subtype="FLOAT")
    command = ["denoise", str(torn), "--salvage", "--weights", str(weights), "-o", str(out)]
    assert main(command) == 0
    np.testing.assert_array_equal(open_recording(out).audio, long.audio)
    other = tmp_path / "other.wav"
    soundfile.write(other, long.audio[::-1], HEARD, subtype="FLOAT")
    assert main([*command, "--audio", str(other), "--overwrite"]) == 0
    np.testing.assert_array_equal(open_recording(out).audio, long.audio[::-1])
