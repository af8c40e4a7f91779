"""DICOM images made with pydicom, and our own read back."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from cleartract.errors import OutputError, RecordingError
from cleartract.recordings.dicom_reader import DicomSource
from cleartract.recordings.dicom_timing import seconds
from cleartract.recordings.dicom_writer import DicomWriter
from cleartract.recordings.opening import open_recording
from cleartract.recordings.source import CHUNK
from cleartract.recordings.writing import Described, open_sink, write_recording

pydicom = pytest.importorskip("pydicom")
from pydicom.dataset import Dataset, FileMetaDataset  # noqa: E402
from pydicom.sequence import Sequence  # noqa: E402
from pydicom.uid import ExplicitVRLittleEndian, RLELossless, generate_uid  # noqa: E402

EXACT = Fraction(125000, 1501)
SERIES = "1.2.3.4"


@pytest.fixture
def levels():
    """(frame, height, width) uint16, not square, longer than a chunk; first frames differ."""
    return np.random.default_rng(5).integers(1, 4000, (CHUNK + 6, 12, 8)).astype(np.uint16)


def dataset(array, **fields):
    """An MR image of one frame, (height, width), or several, (frame, height, width)."""
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.4", generate_uid()
    made.SeriesInstanceUID, made.Modality, made.PatientName = SERIES, "MR", "Some^Body"
    made.Rows, made.Columns = array.shape[-2:]
    if array.ndim == 3:
        made.NumberOfFrames = len(array)
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.BitsAllocated = made.BitsStored = 8 * array.dtype.itemsize
    made.HighBit, made.PixelRepresentation = made.BitsStored - 1, int(array.dtype.kind == "i")
    raw = array.tobytes()
    made.PixelData = raw + bytes(len(raw) % 2)
    made["PixelData"].VR = "OW" if made.BitsAllocated == 16 else "OB"
    for name, value in fields.items():
        setattr(made, name, value)
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return made


def save(made, path):
    path.parent.mkdir(exist_ok=True)
    made.save_as(path, enforce_file_format=True)
    return path


def folder_of(path, levels, shuffle=True, **fields):
    """One file a frame; names tell nothing of the order. Callables take the frame's number."""
    names = np.random.default_rng(1).permutation(len(levels)) if shuffle else range(len(levels))
    for index, (frame, name) in enumerate(zip(levels, names, strict=True)):
        own = {key: value(index) if callable(value) else value for key, value in fields.items()}
        numbered = {"InstanceNumber": index + 1} | own
        save(dataset(frame, **{k: v for k, v in numbered.items() if v is not None}),
             path / f"IM{name:04d}.dcm")  # fmt: skip
    return path


def whole(source):
    chunks = list(source.chunks())
    assert all(chunk.dtype == np.float32 and len(chunk) <= CHUNK for chunk in chunks)
    return np.concatenate(chunks)


def clock(step_ms, jitter=lambda i: 0.0):
    """AcquisitionTime of a frame, over midnight."""

    def text(index):
        micro = (86_399_500_000 + round(index * step_ms * 1000 + jitter(index))) % 86_400_000_000
        whole_seconds, micro = divmod(micro, 1_000_000)
        minutes, sec = divmod(whole_seconds, 60)
        return f"{minutes // 60:02d}{minutes % 60:02d}{sec:02d}.{micro:06d}"

    return text


def test_a_folder_is_in_order_of_instance_number(tmp_path, levels):
    source = DicomSource(folder_of(tmp_path / "S1", levels, CineRate=50))
    assert (source.count, source.size, source.rate) == (len(levels), (12, 8), 50)
    assert source.peak == 65535
    assert np.array_equal(whole(source), levels)
    assert np.array_equal(whole(source), levels)
    assert source.provenance["warnings"] == []
    assert "Some" not in str(source.provenance)
    assert np.array_equal(open_recording(tmp_path / "S1").frames, levels)


def test_without_numbers_the_time_orders_and_without_times_the_name(tmp_path, levels):
    levels = levels[:20]
    timed = folder_of(tmp_path / "a", levels, InstanceNumber=None, AcquisitionTime=lambda i:
                      f"1200{i:02d}")  # fmt: skip
    source = DicomSource(timed)
    assert source.rate == 1
    assert np.array_equal(whole(source), levels)
    source = DicomSource(folder_of(tmp_path / "b", levels, False, InstanceNumber=None), None, EXACT)
    assert np.array_equal(whole(source), levels)
    assert "file names" in source.provenance["warnings"][0]


def test_leading_zeros_are_left_out_and_missing_files_told(tmp_path, levels):
    levels = levels[:20].copy()
    levels[[0, 1, 2, 9]] = 0
    source = DicomSource(folder_of(tmp_path / "S1", levels, FrameTime="20"))
    assert source.count == 17
    assert np.array_equal(whole(source), levels[3:])
    assert "first 3 frames hold only zeros" in source.provenance["warnings"][0]
    gap = folder_of(
        tmp_path / "gap", levels, FrameTime="20", InstanceNumber=lambda i: i + 4 * (i > 7)
    )
    assert "4 frames are missing" in DicomSource(gap).provenance["warnings"][0]
    with pytest.raises(RecordingError, match="nothing but zeros"):
        DicomSource(folder_of(tmp_path / "dark", levels[:3], FrameTime="20"))


def test_several_series_slices_or_sizes_are_refused(tmp_path, levels):
    levels = levels[:4]
    two = folder_of(tmp_path / "two", levels, SeriesNumber=lambda i: 3 + i // 2,
                    SeriesDescription=lambda i: f"speech{i // 2}",
                    SeriesInstanceUID=lambda i: f"1.2.{1 + i // 2}")  # fmt: skip
    with pytest.raises(RecordingError, match=r"2 series \(3 speech0, 4 speech1\)"):
        DicomSource(two, None, EXACT)
    stack = folder_of(tmp_path / "stack", levels, ImagePositionPatient=lambda i: [0, 0, i % 2])
    with pytest.raises(RecordingError, match="2 slices"):
        DicomSource(stack, None, EXACT)
    save(dataset(levels[0].T, InstanceNumber=9), folder_of(tmp_path / "s", levels) / "z.dcm")
    with pytest.raises(RecordingError, match="several sizes"):
        DicomSource(tmp_path / "s", None, EXACT)
    (tmp_path / "empty").mkdir()
    with pytest.raises(RecordingError, match="holds no DICOM"):
        DicomSource(tmp_path / "empty", None, EXACT)


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.uint16, np.int16])
def test_multi_frame_signed_scaled_and_inverted(tmp_path, levels, kind):
    stored = (levels % 200).astype(np.int32) - (100 if np.dtype(kind).kind == "i" else 0)
    stored = stored.astype(kind)
    plain = DicomSource(save(dataset(stored, FrameTime="12.008"), tmp_path / "a.dcm"))
    assert (plain.count, plain.rate, plain.peak) == (len(levels), EXACT, np.iinfo(kind).max)
    assert np.array_equal(whole(plain), stored)
    scaled = dataset(stored, FrameTime="12.008", RescaleSlope="0.5", RescaleIntercept="-7")
    source = DicomSource(save(scaled, tmp_path / "b.dcm"))
    assert source.peak is None
    assert np.array_equal(whole(source), stored * 0.5 - 7)
    scaled.PhotometricInterpretation = "MONOCHROME1"
    inverted = np.iinfo(kind).min + np.iinfo(kind).max - stored.astype(np.float32)
    source = DicomSource(save(scaled, tmp_path / "c.dcm"))
    assert np.array_equal(whole(source), inverted * 0.5 - 7)


def test_scales_and_times_of_enhanced_frames(tmp_path, levels):
    def group(index):
        scale, content, made = Dataset(), Dataset(), Dataset()
        scale.RescaleSlope, scale.RescaleIntercept = 1 + index, 0
        content.FrameAcquisitionDateTime = f"20200101{clock(20)(0)[:6]}.{20_000 * index:06d}"
        made.PixelValueTransformationSequence = Sequence([scale])
        made.FrameContentSequence = Sequence([content])
        return made

    levels = levels[:6]
    groups = Sequence([group(index) for index in range(len(levels))])
    made = dataset(levels, PerFrameFunctionalGroupsSequence=groups)
    source = DicomSource(save(made, tmp_path / "a.dcm"))
    assert source.rate == 50
    assert np.array_equal(whole(source), levels * np.arange(1, 7)[:, None, None])


@pytest.mark.parametrize(
    ("fields", "rate"),
    [
        ({"CineRate": 83}, 83),
        ({"CineRate": 83, "FrameTime": "12.008"}, EXACT),  # a whole number by definition
        ({"CineRate": 25, "FrameTime": "12.008"}, 25),
        ({"RecommendedDisplayFrameRate": 55, "RepetitionTime": "2"}, 55),
        ({"FrameTime": "12.0079950799508"}, Fraction(65040, 781)),
        ({"FrameTimeVector": ["0", *["20"] * 5]}, 50),
        ({"TemporalResolution": 12.008}, EXACT),
        ({"AcquisitionTime": clock(12.008)}, EXACT),
        ({"AcquisitionTime": clock(20, lambda i: 150 * (i % 2))}, Fraction(100000, 2003)),
        ({"TriggerTime": lambda i: 40 * i}, 25),
        ({"AcquisitionTime": "120000", "TriggerTime": lambda i: 40 * i}, 25),
    ],
)
def test_rates_by_each_route(tmp_path, levels, fields, rate):
    source = DicomSource(folder_of(tmp_path / "S1", levels[:6], **fields))
    assert float(source.rate) == pytest.approx(float(rate), rel=1e-3)
    if rate != Fraction(100000, 2003):
        assert source.rate == rate
    assert source.provenance["warnings"] == []


def test_repetition_time_is_the_last_resort(tmp_path, levels):
    path = folder_of(tmp_path / "S1", levels[:6], RepetitionTime="20")
    source = DicomSource(path)
    assert source.rate == 50
    assert "RepetitionTime" in source.provenance["warnings"][0]
    assert DicomSource(path, None, EXACT).rate == EXACT


def test_uneven_missing_and_contradicting_rates_are_refused(tmp_path, levels):
    levels = levels[:8]
    uneven = folder_of(tmp_path / "a", levels, AcquisitionTime=clock(20, lambda i: 2e4 * (i > 4)))
    with pytest.raises(RecordingError, match=r"not evenly spaced in time \(20 to 40 ms\)"):
        DicomSource(uneven)
    with pytest.raises(RecordingError, match="contradict 50"):
        DicomSource(uneven, None, Fraction(50))
    rounded = folder_of(tmp_path / "r", levels, AcquisitionTime=lambda i: clock(12.008)(i)[:9])
    assert DicomSource(rounded, None, EXACT).rate == EXACT
    vector = folder_of(tmp_path / "v", levels, FrameTimeVector=["0", "20", "20", "25"])
    with pytest.raises(RecordingError, match="not evenly spaced"):
        DicomSource(vector)
    with pytest.raises(RecordingError, match="holds no frame rate; give --rate"):
        DicomSource(folder_of(tmp_path / "n", levels))
    assert DicomSource(tmp_path / "n", None, EXACT).rate == EXACT
    told = folder_of(tmp_path / "t", levels, CineRate=83)
    assert DicomSource(told, None, EXACT).rate == EXACT
    with pytest.raises(RecordingError, match="holds 83 frames a second; leave out"):
        DicomSource(told, None, Fraction(50))


def test_times_of_day():
    assert seconds("010203.5") == Fraction("3723.5")
    assert seconds("20200102000000.25+0100") - seconds("20200101235959") == Fraction(5, 4)
    assert [seconds(text) for text in ("", "12", "99999999000000", "1200xx")] == [None] * 4


def test_compressed_pixels_need_a_decoder(tmp_path, levels):
    made = dataset(levels[:3], FrameTime="20")
    made.compress(RLELossless, generate_instance_uid=False)
    assert np.array_equal(whole(DicomSource(save(made, tmp_path / "a.dcm"))), levels[:3])
    made.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.70"
    with pytest.raises(RecordingError, match="cannot decode JPEG Lossless"):
        DicomSource(save(made, tmp_path / "b.dcm"))
    made.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.102"
    with pytest.raises(RecordingError, match="cannot decode MPEG-4"):
        DicomSource(save(made, tmp_path / "c.dcm"))


def test_what_is_no_grey_picture_is_refused(tmp_path, levels):
    colour = dataset(levels[:3], PhotometricInterpretation="RGB", SamplesPerPixel=3)
    with pytest.raises(RecordingError, match="in colour"):
        DicomSource(save(colour, tmp_path / "a.dcm"), None, EXACT)
    deep = dataset(levels[:3].astype(np.uint32))
    with pytest.raises(RecordingError, match="8 or 16 bits"):
        DicomSource(save(deep, tmp_path / "b.dcm"), None, EXACT)
    report = dataset(levels[:3])
    del report.Rows
    with pytest.raises(RecordingError, match="holds no picture"):
        DicomSource(save(report, tmp_path / "c.dcm"), None, EXACT)


def test_damage_is_one_line(tmp_path, levels):
    path = save(dataset(levels, FrameTime="20"), tmp_path / "a.dcm")
    content = path.read_bytes()
    for kept in (0, 60, 140, 300, len(content) // 2, len(content) - 9):
        path.write_bytes(content[:kept])
        with pytest.raises(RecordingError, match=r"a\.dcm: ") as caught:
            whole(DicomSource(path))
        assert "\n" not in str(caught.value)
    one = folder_of(tmp_path / "S1", levels[:4], FrameTime="20") / "IM0002.dcm"
    one.write_bytes(one.read_bytes()[:-30])
    with pytest.raises(RecordingError, match=r"IM0002\.dcm: not a readable DICOM"):
        whole(DicomSource(tmp_path / "S1"))
    with pytest.raises(RecordingError, match="no such file"):
        DicomSource(tmp_path / "none.dcm")


def test_sound_lies_beside_the_folder(tmp_path, levels):
    import soundfile

    path = folder_of(tmp_path / "P1.S1", levels[:4], FrameTime="20")
    assert DicomSource(path).sound is None
    soundfile.write(tmp_path / "P1.S1.wav", np.zeros(1600), 16_000)
    assert DicomSource(path).provenance["audio"] == str((tmp_path / "P1.S1.wav").resolve())


def written(path, frames, rate=EXACT, span=(0.0, 255.0), step=7):
    writer = DicomWriter(path, frames.shape, rate, span, 200.0, {"seed": 1})
    for first in range(0, len(frames), step):
        writer.write(frames[first : first + step])
    writer.close()
    return path


@pytest.mark.parametrize("rate", [EXACT, Fraction(65040, 781), Fraction(50), Fraction(1159, 50)])
@pytest.mark.parametrize("span", [(0.0, 255.0), (0.0, 65535.0), (-3.0, 1e-4), (-1e5, 3e6)])
def test_what_is_written_comes_back(tmp_path, levels, rate, span):
    part = np.random.default_rng(2).random((CHUNK + 6, 12, 8), np.float32)
    frames = part * np.float32(span[1] - span[0]) + np.float32(span[0])
    source = DicomSource(written(tmp_path / "a.dcm", frames, rate, span))
    assert source.rate == rate
    tolerance = (span[1] - span[0]) * (1 / 65535 + 1e-6)
    assert np.abs(whole(source) - frames).max() <= tolerance


def test_whole_grey_levels_stay_whole(tmp_path, recording, levels):
    write_recording(tmp_path / "a.dcm", replace(recording, rate=EXACT), {})
    back = open_recording(tmp_path / "a.dcm")
    assert back.rate == EXACT
    assert np.array_equal(back.frames, np.round(recording.frames * 256) / 256)
    deep = written(tmp_path / "b.dcm", levels.astype(np.float32), span=(0.0, 65535.0))
    assert DicomSource(deep).peak == 65535
    assert np.array_equal(whole(DicomSource(deep)), levels)


@pytest.mark.parametrize("minimum", [None, -0.4])
def test_values_below_zero_are_kept_where_the_unit_may_have_them(tmp_path, minimum):
    frames = np.random.default_rng(3).uniform(-0.4, 0.5, (5, 12, 8)).astype(np.float32)
    described = Described(5, (12, 8), EXACT, None, 0.4, 0.5, minimum=minimum)
    sink = open_sink(tmp_path / "a.dcm", described, {}, tmp_path / "a.dcm")
    sink.write(frames)
    sink.close()
    assert np.abs(whole(DicomSource(tmp_path / "a.dcm")) - frames).max() < 2e-5
    assert replace(described, peak=255.0, minimum=None).span() == (0, 255)


def test_the_same_content_gives_the_same_bytes_and_another_other_names(tmp_path, levels):
    frames = levels.astype(np.float32) / 20
    first = written(tmp_path / "a.dcm", frames)
    assert written(tmp_path / "b.dcm", frames, step=64).read_bytes() == first.read_bytes()
    frames[-1, 0, 0] += 1
    one = pydicom.dcmread(first)
    other = pydicom.dcmread(written(tmp_path / "c.dcm", frames))
    for tag in ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"):
        assert one[tag].value != other[tag].value
        assert one[tag].value.is_valid
    assert one.file_meta.MediaStorageSOPInstanceUID == one.SOPInstanceUID
    assert len({one.SOPInstanceUID, one.SeriesInstanceUID, one.StudyInstanceUID}) == 3


def test_nothing_personal_is_written(tmp_path, levels):
    made = pydicom.dcmread(written(tmp_path / "a.dcm", levels.astype(np.float32) / 20))
    assert list(made.ImageType) == ["DERIVED", "SECONDARY"]
    assert made.DerivationDescription == "denoised with cleartract"
    assert (made.CineRate, float(made.FrameTime)) == (83, 12.008)
    for element in made.iterall():
        personal = element.tag.group == 0x10 or element.VR in ("PN", "DA", "TM", "DT")
        assert not (personal and element.value), element
    assert pydicom.pixels.pixel_array(made).shape == levels.shape


def test_too_long_for_one_file(tmp_path):
    with pytest.raises(OutputError, match=r"a\.dcm: too long"):
        DicomWriter(tmp_path / "a.dcm", (10**6, 84, 84), EXACT, (0.0, 1.0), 1.0)
