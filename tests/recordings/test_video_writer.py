from dataclasses import replace

import av
import numpy as np
import pytest

from cleartract.recordings.opening import open_recording
from cleartract.recordings.sound_stream import StreamSound
from cleartract.recordings.video_writer import side_by_side
from cleartract.recordings.writing import Described, open_sink, write_recording


def described_with(recording, path):
    """What is written of a recording with the sound of a file."""
    return replace(Described.of(recording), sound=StreamSound.open(path))


def written(path, described, frames):
    sink = open_sink(path, described, {}, path)
    sink.write(frames)
    sink.close()


def test_sound_is_copied_without_encoding_again(tmp_path, recording):
    first, second = tmp_path / "a.mp4", tmp_path / "b.mp4"
    write_recording(first, recording, {})
    written(second, described_with(recording, first), recording.frames)

    def packets(path):
        with av.open(str(path)) as container:
            return [bytes(p) for p in container.demux(container.streams.audio[0]) if p.size]

    assert packets(first) == packets(second)


def test_sound_of_a_late_start_stays_with_its_frames(tmp_path, recording):
    """Both streams start at 2 s: read, and copied into a new file, the click stays in place."""
    late, copied = tmp_path / "late.mkv", tmp_path / "copied.mp4"
    first = tmp_path / "first.mp4"
    click = np.zeros(11_025, np.float32)
    click[5_000:5_040] = 0.9
    write_recording(first, replace(recording, audio=click, sample_rate=22_050), {})
    with av.open(str(first)) as source, av.open(str(late), "w") as target:
        streams = {s.index: target.add_stream_from_template(s) for s in source.streams}
        for packet in source.demux():
            if packet.dts is not None:
                shift = int(2 / packet.time_base)
                packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                packet.stream = streams[packet.stream.index]
                target.mux(packet)
    back = open_recording(late)
    assert np.abs(back.audio).argmax() / back.sample_rate == pytest.approx(5_000 / 22_050, abs=0.01)
    written(copied, described_with(back, late), back.frames)
    again = open_recording(copied)
    assert np.abs(again.audio).argmax() / again.sample_rate == pytest.approx(
        5_000 / 22_050, abs=0.01
    )


@pytest.mark.parametrize("late", [0.25, -0.1, 0.0])
@pytest.mark.parametrize("kind", [".mp4", ".mov"])
@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mov"])
def test_sound_that_starts_late_or_early_stays_in_place(tmp_path, recording, kind, suffix, late):
    """AVI has no starts: there the silence before the sound is written."""
    click = np.zeros(11_025, np.float32)
    click[5_000:5_040] = 0.9
    first, shifted, result = (tmp_path / f"{name}{kind}" for name in ("first", "shifted", "result"))
    result = result.with_suffix(suffix)
    write_recording(first, replace(recording, audio=click, sample_rate=22_050), {})
    with av.open(str(first)) as source, av.open(str(shifted), "w") as target:
        streams = {s.index: target.add_stream_from_template(s) for s in source.streams}
        for packet in source.demux():
            if packet.dts is not None:
                if packet.stream.type == "audio":
                    shift = int(late / packet.time_base)
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                packet.stream = streams[packet.stream.index]
                target.mux(packet)
    heard = open_recording(shifted)
    place = np.abs(heard.audio).argmax() / heard.sample_rate
    assert place == pytest.approx(5_000 / 22_050 + late, abs=0.004)
    written(result, described_with(heard, shifted), heard.frames)
    again = open_recording(result)
    again_place = np.abs(again.audio).argmax() / again.sample_rate
    # where PCM becomes AAC the click is smeared over a few samples
    assert again_place == pytest.approx(place, abs=0.004 if kind != suffix == ".mp4" else 1e-4)
    if kind == suffix:
        assert len(again.audio) == len(heard.audio)


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mov"])
def test_sound_and_frames_are_interleaved(tmp_path, recording, suffix):
    long = replace(
        recording, frames=np.tile(recording.frames, (20, 1, 1)), audio=np.tile(recording.audio, 20)
    )
    path = tmp_path / f"long{suffix}"
    write_recording(path, long, {})
    last = {"video": 0.0, "audio": 0.0}
    with av.open(str(path)) as container:
        for packet in container.demux():
            if packet.dts is not None:
                last[packet.stream.type] = float(packet.dts * packet.time_base)
                assert abs(last["video"] - last["audio"]) < 1.5  # H.264 looks ahead
    assert min(last.values()) > 5


def test_side_by_side_keeps_panels_apart(recording):
    levels = recording.frames.astype(np.uint8)
    both = side_by_side([levels, levels], zoom=2, gap=4)
    assert both.shape == (24, 104, 244)
    assert np.array_equal(both[:, :, :120], both[:, :, 124:])
