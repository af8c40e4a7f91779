"""Recordings as pictures: folders, TIFF stacks, GIF; and WebM."""

import hashlib
import json
import re
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from cleartract.cli import main
from cleartract.errors import OutputError, RecordingError
from cleartract.recordings.image_reader import ImageSource
from cleartract.recordings.image_series import in_order
from cleartract.recordings.image_writer import kept_frames
from cleartract.recordings.opening import open_recording, open_source
from cleartract.recordings.recording import Recording
from cleartract.recordings.source import CHUNK
from cleartract.recordings.writing import write_recording
from tests.recordings.test_video_reader import write_raw

tifffile = pytest.importorskip("tifffile")
soundfile = pytest.importorskip("soundfile")

RATE = Fraction(65040, 781)


@pytest.fixture
def levels(moving_frames):
    """The moving disc, each frame with its number in a corner, (24, 52, 60) uint8."""
    frames = moving_frames.astype(np.uint8)
    frames[:, 0, 0] = np.arange(len(frames))
    return frames


def write_series(folder, frames, suffix=".png", pattern="frame_{}"):
    folder.mkdir(exist_ok=True)
    for number, frame in enumerate(frames):
        path = folder / (pattern.format(number) + suffix)
        if suffix == ".png":
            Image.fromarray(frame).save(path)
        elif suffix == ".npy":
            np.save(path, frame)
        else:
            tifffile.imwrite(path, frame)
    return folder


@pytest.mark.parametrize("suffix", [".png", ".tif", ".npy"])
@pytest.mark.parametrize(("kind", "peak"), [(np.uint8, 255), (np.uint16, 65535)])
def test_a_folder_is_read_in_the_order_of_its_numbers(tmp_path, levels, suffix, kind, peak):
    frames = levels.astype(kind) * (257 if kind == np.uint16 else 1)
    folder = write_series(tmp_path / "S1.2", frames, suffix, "sub01_{}")
    (folder / ".DS_Store").write_bytes(b"x")
    (folder / "notes.txt").write_text("x")
    source = open_source(folder, rate=RATE)
    assert (source.count, source.size, source.rate, source.peak) == (24, (52, 60), RATE, peak)
    back = np.concatenate(list(source.chunks()))
    assert back.dtype == np.float32
    np.testing.assert_array_equal(back, frames)
    np.testing.assert_array_equal(np.concatenate(list(source.chunks())), frames)
    assert source.provenance["warnings"] == []
    assert source.sound is None


def test_float_pictures_have_no_peak(tmp_path, moving_frames):
    for suffix in (".tif", ".npy"):
        folder = write_series(tmp_path / suffix[1:], moving_frames / 7, suffix)
        back = open_recording(folder, rate=RATE)
        assert back.peak is None
        np.testing.assert_array_equal(back.frames, moving_frames / 7)


def test_chunks_are_the_whole(tmp_path):
    frames = np.random.default_rng(0).integers(0, 256, (2 * CHUNK + 3, 16, 17), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", frames, photometric="minisblack")
    write_series(tmp_path / "a", frames)
    for path in (tmp_path / "a.tif", tmp_path / "a"):
        chunks = list(open_source(path, rate=RATE).chunks())
        assert [len(chunk) for chunk in chunks] == [CHUNK, CHUNK, 3]
        np.testing.assert_array_equal(np.concatenate(chunks), frames)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["f_1", "f_2", "f_5", "f_9"], "5 numbers are missing.*after f_2.png"),
        (["f_1", "f_2", "f_4"], "1 number is missing.*after f_2.png"),
        (["f_1", "f_2", "f_3"], None),
        (["f_10", "f_20", "f_30"], None),
        (["a1_f9", "a1_f10", "a1_f11"], None),
    ],
)
def test_gaps_are_noted(tmp_path, names, message):
    files = [tmp_path / f"{name}.png" for name in names]
    ordered, warnings = in_order(files[::-1])
    assert ordered == files
    if message is None:
        assert warnings == []
    else:
        (warning,) = warnings
        assert re.search(message, warning)


def test_what_is_no_series_is_refused(tmp_path, levels):
    def refused(folder, match, **options):
        with pytest.raises(RecordingError, match=match) as caught:
            list(open_source(folder, **({"rate": RATE} | options)).chunks())
        assert "\n" not in str(caught.value)

    (tmp_path / "none").mkdir()
    refused(tmp_path / "none", "folder without PNG")
    folder = write_series(tmp_path / "s", levels)
    refused(folder, "holds no frame rate; give --rate", rate=None)
    Image.fromarray(levels[0, :40]).save(folder / "frame_7.png")
    refused(folder, "frame_7.png: is of 60x40 pixels, the first frame of 60x52")
    Image.fromarray(levels[0].astype(np.uint16)).save(folder / "frame_7.png")
    refused(folder, "frame_7.png: holds uint16, the first frame uint8")
    stored = (folder / "frame_8.png").read_bytes()
    (folder / "frame_7.png").write_bytes(stored[: len(stored) // 2])
    refused(folder, "frame_7.png: is damaged")
    (folder / "frame_7.png").write_bytes(b"")
    refused(folder, "frame_7.png: is damaged")
    Image.fromarray(levels[0]).save(folder / "frame_07.png")
    refused(folder, "has the same number")
    (folder / "frame_07.png").rename(folder / "mask_7.png")
    refused(folder, "mask_7.png: is named unlike frame_0.png")
    (folder / "mask_7.png").unlink()
    np.save(folder / "frame_24.npy", levels[0])
    refused(folder, "frame_24.npy: is .npy but frame_0.png is PNG")
    refused(write_series(tmp_path / "tiny", levels[:, :10]), "60x10 pixels")
    refused(write_series(tmp_path / "stacks", [levels[:5]] * 3, ".tif"), "holds 5 pages")
    refused(write_series(tmp_path / "cubes", [levels[:3]] * 3, ".npy"), r"must be \(height, width")


def test_grey_in_colours_is_grey_and_colour_is_refused(tmp_path, levels):
    grey = np.repeat(levels[..., None], 3, -1)
    colour = grey.copy()
    colour[3, 10:30, 10:30, 0] = 250
    opaque = np.concatenate([grey, np.full_like(grey[..., :1], 255)], -1)
    write_series(tmp_path / "grey", grey)
    write_series(tmp_path / "opaque", opaque)
    write_series(tmp_path / "colour", colour)
    tifffile.imwrite(tmp_path / "grey.tif", grey, photometric="rgb")
    tifffile.imwrite(tmp_path / "deep.tif", grey.astype(np.uint16) * 257, photometric="rgb")
    tifffile.imwrite(tmp_path / "colour.tif", colour, photometric="rgb")
    for name, factor in (("grey", 1), ("opaque", 1), ("grey.tif", 1), ("deep.tif", 257)):
        back = open_recording(tmp_path / name, rate=RATE)
        np.testing.assert_array_equal(back.frames, levels * np.float32(factor))
    with pytest.raises(RecordingError, match=r"frame_3\.png: is in colour"):
        open_recording(tmp_path / "colour", rate=RATE)
    with pytest.raises(RecordingError, match="page 4: is in colour"):
        open_recording(tmp_path / "colour.tif", rate=RATE)


def test_palettes_and_inverted_levels(tmp_path, levels):
    folder = tmp_path / "palette"
    folder.mkdir()
    for number, frame in enumerate(levels):
        Image.fromarray(frame).convert("P").save(folder / f"{number}.png")
    np.testing.assert_array_equal(open_recording(folder, rate=RATE).frames, levels)
    tifffile.imwrite(tmp_path / "w.tif", 255 - levels, photometric="miniswhite")
    ramp = np.repeat(np.arange(256, dtype=np.uint16)[None] * 257, 3, 0)
    tifffile.imwrite(tmp_path / "p.tif", levels, photometric="palette", colormap=ramp)
    for name in ("w.tif", "p.tif"):
        np.testing.assert_array_equal(open_recording(tmp_path / name, rate=RATE).frames, levels)


@pytest.mark.parametrize(
    "options",
    [
        {"imagej": True, "metadata": {"axes": "TYX", "finterval": 781 / 65040}},
        {"imagej": True, "metadata": {"axes": "ZYX", "finterval": 12.0079950799508, "tunit": "ms"}},
        {"imagej": True, "metadata": {"axes": "TYX", "fps": 83.2778489}},
        {"imagej": True, "truncate": True, "metadata": {"axes": "TYX", "finterval": 781 / 65040}},
        {"ome": True, "metadata": {"axes": "TYX", "TimeIncrement": 781 / 65040}},
        {"ome": True, "metadata": {
            "axes": "TYX", "TimeIncrement": 781 / 65.04, "TimeIncrementUnit": "ms"}},
    ],
)  # fmt: skip
def test_tiff_that_holds_a_rate(tmp_path, levels, options):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, levels.astype(np.uint16), **options)
    source = open_source(path)
    assert abs(source.rate - RATE) < 1e-6
    np.testing.assert_array_equal(np.concatenate(list(source.chunks())), levels)
    assert open_source(path, rate=RATE).rate == RATE
    if "fps" not in options["metadata"]:
        with pytest.raises(RecordingError, match="leave out the rate"):
            open_source(path, rate=Fraction(50))
    else:
        assert "speed ImageJ plays" in source.provenance["warnings"][0]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"photometric": "minisblack", "planarconfig": "separate"},
        {"photometric": "minisblack", "planarconfig": "separate", "compression": "zlib"},
        {"volumetric": True, "tile": (16, 16, 16)},
        {"byteorder": ">", "compression": "zlib"},
        {"byteorder": ">", "photometric": "minisblack", "planarconfig": "separate"},
        {"bigtiff": True, "metadata": None},
    ],
)
def test_tiff_without_a_rate(tmp_path, levels, options):
    path = tmp_path / "a.tiff"
    tifffile.imwrite(path, levels.astype(np.uint16), **options)
    with pytest.raises(RecordingError, match="holds no frame rate; give --rate"):
        open_source(path)
    back = open_recording(path, rate=RATE)
    assert (back.rate, back.peak) == (RATE, 65535)
    np.testing.assert_array_equal(back.frames, levels)


def test_tiff_written_page_by_page(tmp_path, levels):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for frame in levels:
            file.write(frame)
    np.testing.assert_array_equal(open_recording(tmp_path / "a.tif", rate=RATE).frames, levels)
    with tifffile.TiffWriter(tmp_path / "b.tif") as file:
        for frame in [*levels[:5], levels[5, :40]]:
            file.write(frame)
    with pytest.raises(RecordingError, match="page 6: is of 60x40"):
        open_recording(tmp_path / "b.tif", rate=RATE)
    tifffile.imwrite(tmp_path / "c.tif", levels.reshape(2, 12, 52, 60), imagej=True)
    with pytest.raises(RecordingError, match="several channels and slices"):
        open_source(tmp_path / "c.tif", rate=RATE)


def test_a_damaged_page_is_named(tmp_path, levels, capfd):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as file:
        for frame in levels:
            file.write(frame, compression="zlib", metadata=None)
    with tifffile.TiffFile(path) as file:
        offset = file.pages[5].dataoffsets[0]
    stored = bytearray(path.read_bytes())
    stored[offset : offset + 40] = b"\0" * 40
    path.write_bytes(stored)
    with pytest.raises(RecordingError, match=r"a.tif: page 6: is damaged"):
        open_recording(path, rate=RATE)
    tifffile.imwrite(path, levels, imagej=True, metadata={"axes": "TYX", "finterval": 0.02})
    stored = path.read_bytes()
    for end in range(0, len(stored), 977):
        path.write_bytes(stored[:end])
        error = None
        try:
            source = open_source(path)
            list(source.chunks())
        except RecordingError as caught:
            error = str(caught)
        if error is None:
            assert source.count == 24 or "may be cut off" in source.provenance["warnings"][0]
        else:
            assert "a.tif" in error
            assert "\n" not in error
    for content in (b"", b"II*\0", bytes(range(256)) * 9):
        path.write_bytes(content)
        with pytest.raises(RecordingError, match="damaged"):
            open_source(path, rate=RATE)
    assert capfd.readouterr().err == ""


def test_sound_beside_and_inside(tmp_path, levels, sound):
    folder = write_series(tmp_path / "S1.2", levels)
    soundfile.write(folder / "in.wav", *sound)
    assert open_source(folder, rate=RATE).sound.path == folder / "in.wav"
    soundfile.write(folder / "in2.wav", *sound)
    source = open_source(folder, rate=RATE)
    assert source.sound is None
    assert "2 sound files" in source.provenance["warnings"][0]
    soundfile.write(tmp_path / "S1.2.wav", *sound)
    source = open_source(folder, rate=RATE)
    assert source.provenance["audio"] == str(tmp_path / "S1.2.wav")
    assert open_source(folder, folder / "in.wav", RATE).sound.path == folder / "in.wav"
    tifffile.imwrite(tmp_path / "S1.2.tif", levels)
    assert open_source(tmp_path / "S1.2.tif", rate=RATE).sound.rate == sound[1]


def test_tiff_round_trip(tmp_path, moving_frames):
    written = Recording(moving_frames * np.float32(1.7) - 3, RATE)
    write_recording(tmp_path / "a.tif", written, {})
    back = open_recording(tmp_path / "a.tif")
    assert (back.rate, back.peak) == (RATE, None)
    np.testing.assert_array_equal(back.frames, written.frames)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert (file.is_imagej, file.series[0].axes, len(file.pages)) == (True, "TYX", 24)
        assert file.imagej_metadata["finterval"] == float(1 / RATE)


def test_gif_round_trip(tmp_path, levels):
    recording = Recording(levels.astype(np.float32), Fraction(20), peak=255.0)
    write_recording(tmp_path / "a.gif", recording, {})
    back = open_recording(tmp_path / "a.gif")
    assert (back.rate, back.peak) == (20, 255)
    np.testing.assert_array_equal(back.frames, levels)
    fast = Recording(levels.astype(np.float32), RATE, peak=255.0)
    write_recording(tmp_path / "b.gif", fast, {})
    back = open_recording(tmp_path / "b.gif", rate=RATE / 5)
    np.testing.assert_array_equal(back.frames, levels[::5])
    with pytest.raises(RecordingError, match="leave out the rate"):
        open_source(tmp_path / "b.gif", rate=RATE)


def test_gif_of_unequal_times_is_refused(tmp_path, levels):
    pictures = [Image.fromarray(frame) for frame in levels]
    options = {"save_all": True, "append_images": pictures[1:]}
    pictures[0].save(tmp_path / "a.gif", duration=[20, 30] * 12, **options)
    with pytest.raises(RecordingError, match="shown for 20 to 30 ms"):
        open_source(tmp_path / "a.gif")
    pictures[0].save(tmp_path / "b.gif", duration=[20] * 23 + [900], **options)
    assert open_source(tmp_path / "b.gif").rate == 50
    pictures[0].save(tmp_path / "c.gif", duration=0, **options)
    with pytest.raises(RecordingError, match="holds no frame rate"):
        open_source(tmp_path / "c.gif")
    (tmp_path / "a.gif").write_bytes((tmp_path / "b.gif").read_bytes()[:90])
    with pytest.raises(RecordingError, match=r"a\.gif"):
        open_recording(tmp_path / "a.gif", rate=RATE)


@pytest.mark.parametrize("rate", [1, 10, 23.18, 50, RATE, 99, 102.5, 1000])
def test_a_gif_is_played_at_the_right_speed(rate):
    every, delay = kept_frames(Fraction(rate).limit_denominator(10_000))
    assert delay >= 2
    assert abs(delay / (100 * every / float(rate)) - 1) <= 0.02


def test_webm_is_read_and_not_written(tmp_path, levels):
    write_raw(tmp_path / "a.webm", levels, "libvpx-vp9", "yuv420p", Fraction(25))
    back = open_recording(tmp_path / "a.webm")
    assert (back.rate, len(back)) == (25, 24)
    assert np.abs(back.frames - levels).mean() < 3
    with pytest.raises(OutputError, match="unknown kind of output"):
        write_recording(tmp_path / "b.webm", back, {})


def test_refused_from_the_header(tmp_path, monkeypatch, levels):
    folder = write_series(tmp_path / "s", levels)
    monkeypatch.setattr("cleartract.recordings.image_reader.MOST", 20)
    with pytest.raises(RecordingError, match="24 frames; from 1 to 20"):
        ImageSource(folder, None, RATE)
    monkeypatch.undo()
    huge = bytearray((folder / "frame_0.png").read_bytes())
    huge[16:24] = (60_000).to_bytes(4, "big") * 2
    for name in ("frame_3.png", "frame_0.png"):
        (folder / name).write_bytes(huge)
        with pytest.raises(RecordingError, match="60000x60000 pixels"):
            list(ImageSource(folder, None, RATE).chunks())
    (tmp_path / "a.gif").write_bytes(b"GIF89a" + b"\xff" * 90)
    with pytest.raises(RecordingError, match="65535x65535 pixels"):
        open_source(tmp_path / "a.gif")


def test_a_folder_is_denoised(tmp_path, levels, sound, tiny_model, capsys, monkeypatch):
    from cleartract.model.weights import save_model

    weights = tmp_path / "tiny.safetensors"
    save_model(tiny_model, weights, {"steps": 0})
    folder = write_series(tmp_path / "S1.2", levels)
    soundfile.write(tmp_path / "S1.2.wav", *sound)

    def run(*arguments):
        return main([str(a) for a in ("denoise", *arguments, "--weights", weights)])

    assert run(folder) == 3
    assert "give --rate" in capsys.readouterr().err
    assert run(folder, "--rate", "65040/781") == 0
    result = tmp_path / "S1.2_cleartract.mp4"
    back = open_recording(result)
    assert (len(back), back.rate, back.sample_rate) == (24, RATE, sound[1])
    told = json.loads((tmp_path / "S1.2_cleartract.mp4.json").read_text())
    lines = "".join(
        f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n"
        for name in sorted(path.name for path in folder.iterdir())
    )
    assert told["input"]["sha256"] == hashlib.sha256(lines.encode()).hexdigest()
    assert run(folder, "--rate", "65040/781", "-o", folder / "x.mp4") == 6
    capsys.readouterr()
    monkeypatch.chdir(folder)
    assert run(".", "--rate", "65040/781", "-o", tmp_path / "out.tif") == 0
    assert f"{tmp_path / 'out.wav'}: the sound" in capsys.readouterr().out
    stack = open_recording(tmp_path / "out.tif")
    assert (stack.rate, stack.frames.shape) == (RATE, levels.shape)
    assert np.abs(stack.frames - back.frames).mean() < 2
    assert run(".", "--rate", "65040/781", "--dry-run", "--overwrite") == 0
    assert str(result) in capsys.readouterr().out


@pytest.mark.parametrize("name", ["a.tif", "folder"])
def test_of_complex_pixels_the_magnitude_is_taken(tmp_path, name):
    tifffile = pytest.importorskip("tifffile")
    rng = np.random.default_rng(0)
    frames = rng.normal(size=(5, 16, 20)) + 1j * rng.normal(size=(5, 16, 20))
    frames = frames.astype(np.complex64)
    path = tmp_path / name
    if name == "a.tif":
        tifffile.imwrite(path, frames)
    else:
        path.mkdir()
        for number, frame in enumerate(frames):
            np.save(path / f"{number}.npy", frame)
    back = open_recording(path, rate=Fraction(50))
    np.testing.assert_allclose(back.frames, np.abs(frames), rtol=1e-6)
    assert back.peak is None
