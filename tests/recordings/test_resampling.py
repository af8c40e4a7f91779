"""Recordings of a variable frame rate on a constant one."""

import json
from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cleartract
from cleartract.cli import main
from cleartract.errors import RecordingError, UsageError
from cleartract.recordings.opening import open_recording, open_source
from cleartract.recordings.resampling import Resampling

TICK = Fraction(1, 90_000)
STEP = 1081  # ticks: 83.26 frames a second


def stamps_of(count=60, seed=0):
    """Times of frames with jitter, gaps of lost frames, and two frames at nearly one time [ticks]."""
    rng = np.random.default_rng(seed)
    steps = np.full(count - 1, STEP)
    steps[::7] += rng.integers(-200, 200, len(steps[::7]))
    steps[[20, 33]] = 3 * STEP, int(2.4 * STEP)
    steps[41] = STEP // 10
    return np.concatenate([[0], np.cumsum(steps)])


def variable(path, stamps, codec="ffv1", sound=False):
    """A video whose frame i is of grey 3 i + 20."""
    ticks = stamps if path.suffix == ".mp4" else np.round(stamps * float(TICK) * 1000).astype(int)
    base = TICK if path.suffix == ".mp4" else Fraction(1, 1000)
    with av.open(str(path), "w") as made:
        stream = made.add_stream(codec, rate=90)
        stream.height = stream.width = 32
        stream.pix_fmt = "gray" if codec == "ffv1" else "yuv420p"
        stream.codec_context.time_base = base
        heard = made.add_stream("aac", rate=16_000, layout="mono") if sound else None
        for index, tick in enumerate(ticks):
            plane = np.full((32, 32), 20 + 3 * index, np.uint8)
            picture = av.VideoFrame.from_ndarray(plane, "gray")
            picture.pts, picture.time_base = int(tick), base
            made.mux(stream.encode(picture))
        made.mux(stream.encode())
        if heard is not None:
            noise = np.random.default_rng(0).normal(0, 0.1, (1, int(16_000 * 0.8)))
            frame = av.AudioFrame.from_ndarray(noise.astype(np.float32), "fltp", "mono")
            frame.sample_rate = 16_000
            made.mux(heard.encode(frame))
            made.mux(heard.encode())
    return ticks * float(base)


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "libx264"), ("a.mkv", "ffv1")])
def test_every_frame_is_the_nearest_in_time(tmp_path, name, codec):
    times = variable(tmp_path / name, stamps_of(), codec)
    with pytest.raises(RecordingError, match="give --resample"):
        open_source(tmp_path / name)
    found = open_recording(tmp_path / name, resample=True)
    assert abs(float(found.rate) - 90_000 / STEP) < (0.01 if name == "a.mp4" else 0.5)
    if name == "a.mp4":
        assert found.rate == Fraction(90_000, STEP)
    numbers = np.round((found.frames.mean((1, 2)) - 20) / 3).astype(int)
    at = np.arange(len(found)) / float(found.rate)
    away = np.abs(times[numbers] - at)
    assert np.allclose(away, np.abs(times[None] - at[:, None]).min(1), atol=1e-9)
    assert numbers[0] == 0
    assert abs(at[-1] - times[-1]) <= 0.5 / float(found.rate) + 1e-9
    told = found.provenance["resampled"]
    used = set(numbers.tolist())
    assert told["frames_in_the_file"] == 60
    assert told["dropped"] == 60 - len(used) >= 1
    assert told["repeated"] == len(found) - len(used) >= 2
    (warning,) = [x for x in found.provenance["warnings"] if "variable" in x]
    assert f"dropped: {told['dropped']}," in warning
    assert "nearest frame in time" in warning


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_constant_rate_stays_as_it_is(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    variable(path, np.arange(30) * 1080, "libx264" if suffix == ".mp4" else "ffv1")
    plain, asked = open_recording(path), open_recording(path, resample=True)
    assert np.array_equal(plain.frames, asked.frames)
    assert plain.rate == asked.rate
    assert "resampled" not in asked.provenance


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.integers(1, 40), min_size=2, max_size=60),
    st.sampled_from([Fraction(1, 1000), Fraction(1, 90_000), Fraction(1, 100)]),
)
def test_the_plan_is_the_obvious_one(steps, tick):
    """Frame by frame, as the rule is told."""
    stamps = np.concatenate([[5], 5 + np.cumsum(steps)])
    try:
        plan = Resampling.of("a", stamps, tick)
    except RecordingError:
        return
    usual = Fraction(float(np.median(steps)))
    if tick >= Fraction(1, 2000):
        close = [step for step in steps if abs(step - usual) <= 1]
        usual = Fraction(sum(close), len(close)) if close else usual
    uses, k = [0] * len(stamps), 0
    while k * usual <= stamps[-1] - stamps[0] + usual / 2:
        if k * usual == stamps[-1] - stamps[0] + usual / 2 and plan.frames == k:
            break  # half a frame after the last: as rounding has it
        apart = [abs(5 + float(k * usual) - stamp) for stamp in stamps]
        uses[apart.index(min(apart))] += 1
        k += 1
    assert abs(plan.frames - k) <= 1
    assert np.abs(plan.uses[:-1] - uses[:-1]).sum() <= 1  # of two at one distance
    assert plan.rate == (1 / (usual * tick)).limit_denominator(100_000)


def test_milliseconds_do_not_change_the_rate_and_minutes_do_not_drift():
    """Times of 65040/781 frames a second rounded to milliseconds, one frame lost in a hundred."""
    kept = np.flatnonzero(np.arange(60_000) % 100 != 57)
    stamps = np.round(kept * 781 / 65040 * 1000).astype(np.int64)
    plan = Resampling.of("a", stamps, Fraction(1, 1000))
    assert abs(float(plan.rate) * 781 / 65040 - 1) < 2e-3
    at = np.repeat(stamps, plan.uses) / 1000
    assert np.abs(at - np.arange(len(at)) / float(plan.rate)).max() < 0.0135
    assert abs(plan.frames - 60_000) < 120


def test_long_gaps_and_equal_times_are_refused(tmp_path):
    stamps = stamps_of()
    stamps[30:] += 10**9
    with pytest.raises(RecordingError, match="gaps so long"):
        Resampling.of("a", stamps, TICK)
    with pytest.raises(RecordingError, match="no times of their own"):
        Resampling.of("a", np.zeros(20, np.int64), TICK)


def test_the_command_says_and_keeps_what_was_done(tmp_path, tiny_model, capsys):
    from cleartract.model.weights import save_model

    weights = tmp_path / "tiny.safetensors"
    save_model(tiny_model, weights, {"steps": 0})
    variable(tmp_path / "a.mp4", stamps_of(), "libx264", sound=True)
    command = ["denoise", str(tmp_path / "a.mp4"), "--weights", str(weights)]
    out = tmp_path / "out.mp4"
    assert main([*command, "-o", str(out)]) == 3
    assert "--resample" in capsys.readouterr().err
    assert main([*command, "-o", str(out), "--resample"]) == 0
    assert "repeated: " in capsys.readouterr().err
    sidecar = json.loads((tmp_path / "out.mp4.json").read_text())
    assert sidecar["resampled"]["repeated"] >= 2
    assert sidecar["resampled"]["rule"].startswith("nearest frame in time")
    assert sidecar["asked"]["resample"] is True
    assert sidecar["rate"] == [90_000, STEP]
    source, result = open_recording(tmp_path / "a.mp4", resample=True), open_recording(out)
    assert (len(result), result.rate) == (len(source), source.rate)
    assert np.array_equal(result.audio, source.audio)
    made = cleartract.denoise(tmp_path / "a.mp4", resample=True, model=str(weights))
    assert len(made.recording) == len(source)
    assert made.recording.provenance["resampled"]["repeated"] == sidecar["resampled"]["repeated"]
    with pytest.raises(UsageError, match="resample"):
        cleartract.denoise(np.zeros((8, 32, 32)), rate=80, resample=True, model=str(weights))


def test_what_is_left_of_a_cut_recording_is_all_that_is_promised(tmp_path, tiny_model, capsys):
    """The dry run, the result and the sidecar name the same frames, without the torn one."""
    from cleartract.model.weights import save_model

    save_model(tiny_model, weights := tmp_path / "tiny.safetensors", {"steps": 0})
    first, whole, torn, out = (
        tmp_path / name for name in ("first.mp4", "whole.mp4", "torn.mp4", "out.avi")
    )
    variable(first, stamps_of(), "libx264")
    front = {"movflags": "faststart"}  # the index is read before what is missing
    with av.open(str(first)) as source, av.open(str(whole), "w", options=front) as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    content = whole.read_bytes()
    torn.write_bytes(content[: int(0.6 * len(content))])
    command = ["denoise", str(torn), "--weights", str(weights), "-o", str(out)]
    command += ["--resample", "--salvage"]
    assert main([*command, "--dry-run"]) == 0
    told = capsys.readouterr()
    assert main(command) == 0
    sidecar = json.loads((tmp_path / "out.avi.json").read_text())
    count = len(open_recording(out))
    assert f"torn.mp4: {count} frames," in told.out
    assert sidecar["frames"] == count
    used = sidecar["resampled"]["frames_in_the_file"]
    assert used - sidecar["resampled"]["dropped"] + sidecar["resampled"]["repeated"] == count
    assert not [text for text in sidecar["warnings"] if "can be decoded" in text]
    (said,) = [text for text in sidecar["warnings"] if "variable frame rate" in text]
    assert f"of {used} frames dropped" in said


def test_gifs_with_unequal_times(tmp_path):
    from PIL import Image

    frames = [Image.fromarray(np.full((32, 32), 20 + 5 * i, np.uint8)) for i in range(12)]
    delays = [20, 20, 20, 60, 20, 20, 20, 20, 20, 20, 20, 20]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=delays)
    with pytest.raises(RecordingError, match="give --resample"):
        open_source(tmp_path / "a.gif")
    found = open_recording(tmp_path / "a.gif", resample=True)
    assert found.rate == 50
    grey = np.round((found.frames.mean((1, 2)) - 20) / 5).astype(int).tolist()
    assert grey == [0, 1, 2, 3, 3, 4, 4, 5, 6, 7, 8, 9, 10, 11]


def test_dicom_frames_with_uneven_times(tmp_path, recording):
    pydicom = pytest.importorskip("pydicom")
    from cleartract.recordings.writing import write_recording

    write_recording(tmp_path / "a.dcm", recording, {})
    dataset = pydicom.dcmread(tmp_path / "a.dcm")
    for tag in ("FrameTime", "CineRate", "RecommendedDisplayFrameRate"):
        delattr(dataset, tag)
    steps = [0.0, *[12.0] * (len(recording) - 1)]
    steps[5] = 36.0
    dataset.FrameTimeVector = steps
    dataset.save_as(tmp_path / "b.dcm")
    with pytest.raises(RecordingError, match="give --resample"):
        open_source(tmp_path / "b.dcm")
    found, plain = (
        open_recording(tmp_path / "b.dcm", resample=True),
        open_recording(tmp_path / "a.dcm"),
    )
    assert found.rate == Fraction(1000, 12)
    assert len(found) == len(plain) + 2
    order = [0, 1, 2, 3, 4, 4, 5, 5, *range(6, len(plain))]
    assert np.array_equal(found.frames, plain.frames[order])
