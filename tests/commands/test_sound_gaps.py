"""Sound whose packets are not one after another: nothing that follows moves in time."""

import json
from fractions import Fraction

import av
import numpy as np
import pytest

from cleartract.cli import main
from cleartract.errors import RecordingError
from cleartract.recordings.opening import open_recording, open_source, open_with_usable_sound
from cleartract.recordings.sound import whole

RATE, HEARD, PACKET = Fraction(50), 16_000, 1024  # [frames/s], [Hz], [samples]
PACKETS, GAP, PAUSE = 24, 10, 0.4  # pause [s] before the eleventh packet


def played(path, codec, pause=0.0):
    """A second and a half of clicks, of which those after the gap come `pause` [s] later."""
    rng = np.random.default_rng(0)
    frames = rng.integers(20, 200, (77, 32, 32)).astype(np.uint8)
    samples = np.zeros((PACKETS, PACKET), np.float32)
    samples[:, PACKET // 2 : PACKET // 2 + 4] = np.linspace(0.7, 0.95, PACKETS)[:, None]
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=RATE)
        video.height, video.width, video.pix_fmt = 32, 32, "yuv420p"
        audio = container.add_stream(codec, rate=HEARD, layout="mono")
        packets = []
        for plane in frames:
            picture = av.VideoFrame.from_ndarray(plane, "gray").reformat(format="yuv420p")
            packets += video.encode(picture)
        for number, piece in enumerate(samples):
            whole_numbers = codec == "pcm_s16le"
            levels = (piece * 32767).astype(np.int16) if whole_numbers else piece
            kind = "s16" if whole_numbers else "fltp"
            frame = av.AudioFrame.from_ndarray(levels[None], format=kind, layout="mono")
            frame.sample_rate, frame.time_base = HEARD, Fraction(1, HEARD)
            frame.pts = number * PACKET + round(HEARD * pause) * (number >= GAP)
            packets += audio.encode(frame)
        packets += video.encode(None) + audio.encode(None)
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            container.mux(packet)
    return path


def clicks(heard):
    """Time of the loudest sample of each click [s]."""
    loud = np.flatnonzero(np.abs(heard.audio) > 0.3)
    first = loud[np.diff(loud, prepend=-PACKET) > PACKET // 2]
    return first / heard.sample_rate


@pytest.mark.parametrize(
    ("kind", "codec"), [(".mkv", "pcm_s16le"), (".mkv", "aac"), (".mp4", "aac")]
)
def test_sound_after_a_pause_stays_with_its_frames(tmp_path, kind, codec):
    through = open_recording(played(tmp_path / f"through{kind}", codec))
    paused = open_recording(played(tmp_path / f"paused{kind}", codec, PAUSE))
    expected = clicks(through) + PAUSE * (np.arange(PACKETS) >= GAP)
    np.testing.assert_allclose(clicks(paused), expected, atol=0.002)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".avi", ".npz", ".tif"])
@pytest.mark.parametrize(("kind", "codec"), [(".mkv", "pcm_s16le"), (".mp4", "aac")])
def test_results_keep_the_pause(tmp_path, weights, suffix, kind, codec):
    """AVI, WAV and PCM in MOV know no times: there the packets may not be copied."""
    if suffix == ".tif":
        pytest.importorskip("tifffile")
    path, out = played(tmp_path / f"paused{kind}", codec, PAUSE), tmp_path / f"out{suffix}"
    assert main(["denoise", str(path), "-o", str(out), "--weights", str(weights)]) == 0
    expected = clicks(open_recording(path))
    np.testing.assert_allclose(clicks(open_recording(out)), expected, atol=0.002)


def test_days_of_silence_are_refused_before_they_are_made(tmp_path):
    path = played(tmp_path / "a.mkv", "pcm_s16le", 3e5)
    with pytest.raises(RecordingError, match=r"pauses or begins late by 300000 s"):
        whole(open_source(path).sound)


@pytest.mark.parametrize("kind", [".mp4", ".mkv"])
def test_sound_that_is_damaged_inside_is_salvaged_around_it(tmp_path, weights, capsys, kind):
    path = played(tmp_path / f"whole{kind}", "aac")
    torn, out = path.with_stem("torn"), tmp_path / "out.mp4"
    content = path.read_bytes()
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(audio=0) if packet.size]
    for packet in packets[5:7]:
        assert content.count(packet) == 1
        content = content.replace(packet, b"\xff" * len(packet))
    torn.write_bytes(content)
    command = ["denoise", str(torn), "--weights", str(weights), "-o", str(out)]
    assert main(command) == 3
    assert "sound is damaged" in capsys.readouterr().err
    assert main([*command, "--salvage"]) == 0
    said = json.loads(out.with_name("out.mp4.json").read_text())["warnings"]
    assert any("2 packets left out, with silence in place" in text for text in said)
    complete = open_recording(path)
    for heard in (open_with_usable_sound(torn, salvage=True)[0].sound, open_source(out).sound):
        samples, kept = whole(heard), np.ones(len(complete.audio), bool)
        kept[3 * PACKET : 8 * PACKET] = False  # the damaged ones and those they overlap
        assert len(samples) == len(complete.audio)
        np.testing.assert_allclose(samples[kept], complete.audio[kept], atol=1e-5)
