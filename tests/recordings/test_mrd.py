"""Raw data as other programs write and read them, and damage of every kind."""

import json
import sys
from fractions import Fraction

import numpy as np
import pytest
import scipy.io

from cleartract.cli import main
from cleartract.errors import RecordingError
from cleartract.model.weights import save_model
from cleartract.reconstruction.settings import ReconstructionSettings
from cleartract.recordings.mrd_file import MrdFile
from cleartract.recordings.mrd_header import parse_header
from cleartract.recordings.opening import open_source
from cleartract.recordings.raw_source import RawSource
from tests.recordings.raw_data import TEMPORAL, USC_RATE, difference, small_scan

h5py = pytest.importorskip("h5py")
NAMESPACE = 'xmlns="http://www.ismrm.org/ISMRMRD"'
VIEW = ReconstructionSettings(method="view")


@pytest.fixture(scope="module")
def scan():
    return small_scan(16, 2)


@pytest.fixture
def path(scan, tmp_path):
    path = tmp_path / "a_raw.h5"
    scan.raw.save(path)
    return path


def rewrite(path, change_header=None, change_rows=None) -> None:
    with h5py.File(path, "r+") as file:
        group = file["dataset"]
        if change_header is not None:
            text = change_header(group["xml"][0].decode())
            del group["xml"]
            group.create_dataset(
                "xml", data=np.array([text.encode()], object), dtype=h5py.special_dtype(vlen=bytes)
            )
        if change_rows is not None:
            rows = change_rows(group["data"][()])
            kind = group["data"].dtype
            del group["data"]
            group.create_dataset("data", data=rows, dtype=kind)


def refused(path, match: str, settings=None, trajectory=None) -> None:
    with pytest.raises(RecordingError, match=match) as caught:
        list(RawSource(path, settings=settings, trajectory=trajectory).chunks())
    assert "\n" not in str(caught.value)


def test_the_library_of_the_format_reads_what_is_written(scan, path):
    ismrmrd = pytest.importorskip("ismrmrd")
    with ismrmrd.Dataset(str(path), mode="r") as dataset:
        header = ismrmrd.xsd.CreateFromDocument(dataset.read_xml_header())
        assert header.sequenceParameters.TR == [6.004]
        assert header.encoding[0].reconSpace.matrixSize.x == 32
        assert dataset.number_of_acquisitions() == 32
        acquisition = dataset.read_acquisition(14)
        assert acquisition.idx.kspace_encode_step_1 == 1
        assert acquisition.traj.shape == (160, 3)
        assert np.hypot(*acquisition.traj[:, :2].T).max() == pytest.approx(0.5, abs=0.01)
        assert np.allclose(np.abs(acquisition.data), np.abs(scan.raw.samples[:, 14]), rtol=1e-4)


def test_what_the_library_of_the_format_writes_is_read(scan, path, tmp_path):
    """Its own compound types and one acquisition a time, as of a converter."""
    ismrmrd = pytest.importorskip("ismrmrd")
    with ismrmrd.Dataset(str(path), mode="r") as dataset:
        header = dataset.read_xml_header()
        acquisitions = [dataset.read_acquisition(i) for i in range(32)]
    copy = tmp_path / "copy.mrd"
    with ismrmrd.Dataset(str(copy)) as dataset:
        dataset.write_xml_header(header)
        noise = ismrmrd.Acquisition.from_array(acquisitions[0].data)
        noise.set_flag(ismrmrd.ACQ_IS_NOISE_MEASUREMENT)
        dataset.append_acquisition(noise)
        for acquisition in acquisitions:
            dataset.append_acquisition(acquisition)
    read = MrdFile.look_at(copy)
    assert (len(read.rows), len(read.noise_rows), read.coils) == (32, 1, 2)
    assert np.array_equal(read.read(3, 9), MrdFile.look_at(path).read(3, 9))
    assert open_source(copy).rate == USC_RATE


def moved_to_matlab(path):
    """Take the trajectory out of raw data; what a MATLAB file beside them holds instead.

    As of the USC 0.55 T scanner: x to the right, y down, any unit, samples before it begins.
    """
    raw, before = MrdFile.look_at(path), 20
    table = np.stack(list(raw.trajectories())[:13])
    trajectory = {
        "kx": 321 * table[:, :, 0].T,
        "ky": -321 * table[:, :, 1].T,
        "w": table[:1, :, 2] * 7,
        "param": {
            "interleaves": 13.0,
            "pre_discard": float(before),
            "fov": 20.0,
            "spatial_resolution": 6.25,
            "dt": 1e-6,
        },
    }

    def without_trajectory(rows):
        for row in rows:
            row["traj"] = np.zeros(0, np.float32)
            data = np.asarray(row["data"]).view(np.complex64).reshape(2, -1)
            row["data"] = np.pad(data, ((0, 0), (before, 0))).reshape(-1).view(np.float32)
        rows["head"]["number_of_samples"] += before
        rows["head"]["trajectory_dimensions"] = 0
        rows["head"]["idx"]["kspace_encode_step_1"] = 0
        return rows

    def named(text):
        for name, value in (("first", "none"), ("trajectory", "0a1b2c")):
            text = text.replace(
                "</userParameters>",
                f"<userParameterString><name>{name}</name><value>{value}</value>"
                "</userParameterString></userParameters>",
            )
        return text

    rewrite(path, named, without_trajectory)
    return trajectory


def test_trajectory_of_a_matlab_file(scan, path):
    expected = np.concatenate(list(RawSource(path, settings=VIEW).chunks()))
    trajectory = moved_to_matlab(path)
    refused(path, "'0a1b2c.mat'; put that beside it, or give --trajectory")
    scipy.io.savemat(path.with_name("0a1b2c.mat"), trajectory)
    other = path.with_name("other.mat")
    path.with_name("0a1b2c.mat").rename(other)
    for given in (other, None):
        if given is None:
            other.rename(path.with_name("0a1b2c.mat"))
        source = RawSource(path, settings=VIEW, trajectory=given)
        frames = np.concatenate(list(source.chunks()))
        assert difference(frames, expected).max() < 1e-3
    sides = trajectory["param"] | {"matrix_size": [32.0, 32.0]}
    sides = {name: value for name, value in sides.items() if name != "fov"}
    given = path.with_name("sides.mat")
    scipy.io.savemat(given, trajectory | {"param": sides})
    assert RawSource(path, settings=VIEW, trajectory=given).size == (32, 32)
    rewrite(path, lambda text: text.replace("transient_arms", "other"))
    refused(path, "too few arms; it has 32, the first 150")

    wrong = path.with_name("wrong.mat")
    for change, match in (
        ({"kx": trajectory["kx"][1:]}, "kx is .* but ky"),
        ({name: trajectory[name][1:] for name in ("kx", "ky")}, "is of another scan"),
        ({"kx": trajectory["kx"] * np.nan}, "not finite"),
        ({"w": -trajectory["w"]}, "negative"),
        ({"param": trajectory["param"] | {"fov": 1e5}}, "declares frames of"),
    ):
        scipy.io.savemat(wrong, trajectory | change)
        refused(path, match, trajectory=wrong)
    scipy.io.savemat(wrong, {"other": 1})
    refused(path, "holds no kx and ky and w", trajectory=wrong)
    wrong.write_bytes(b"text")
    refused(path, "not a readable MATLAB file", trajectory=wrong)
    refused(path, "no such file", trajectory=path.with_name("missing.mat"))


def test_a_trajectory_beside_decides_the_result_and_is_never_replaced(
    path, tmp_path, tiny_model, capsys
):
    save_model(tiny_model, weights := tmp_path / "tiny.safetensors", {"steps": 0})
    folder = tmp_path / "scans"
    folder.mkdir()
    path = path.rename(folder / path.name)
    beside = folder / "0a1b2c.mat"
    trajectory = moved_to_matlab(path)
    scipy.io.savemat(beside, trajectory)

    def states():
        command = ["denoise", str(folder), "--out", str(tmp_path / "out")]
        code = main([*command, "--weights", str(weights), "--suffix", ".npz"])
        summary = json.loads((tmp_path / "out" / "summary.json").read_text())
        return code, [outcome["state"] for outcome in summary["outcomes"]]

    assert states() == (0, ["done"])
    assert states() == (0, ["there"])
    scipy.io.savemat(beside, trajectory | {"w": trajectory["w"] ** 2})
    assert states() == (8, ["failed"])  # what is there is of another trajectory, and is kept
    content = beside.read_bytes()
    for command in (["denoise", "--weights", str(weights)], ["reconstruct", "--method", "view"]):
        assert main([*command, str(path), "-o", str(beside), "--overwrite"]) == 6
        assert "is the input" in capsys.readouterr().err
        assert beside.read_bytes() == content


def test_no_trajectory(path):
    def emptied(rows):
        rows["head"]["trajectory_dimensions"] = 0
        for row in rows:
            row["traj"] = np.zeros(0, np.float32)
        return rows

    rewrite(path, change_rows=emptied)
    refused(path, "holds no trajectory and names none; give --trajectory")


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("<x>32</x>", "<x>99999999</x>", "declares frames of 99999999 x 32 pixels"),
        ("<x>32</x>", "<x>64</x>", "64 x 32, not square; give --size"),
        ("<x>32</x>", "<x>many</x>", "no usable matrixSize"),
        ("<TR>6.004</TR>", "<TR>1e999999999</TR>", "no usable TR"),
        ("<TR>6.004</TR>", "<TR>0</TR>", "TR of 0 ms"),
        ("<TR>6.004</TR>", "", "holds no frame rate; give --rate"),
        ("<value>13</value>", "<value>999999</value>", "interleaves '999999', not 1 to 4096"),
        ("transient_arms", "other", "too few arms; it has 32, the first 200 are left out"),
        ("</ismrmrdHeader>", "", "damaged MRD header"),
        ("ismrmrdHeader", "html", "no ismrmrdHeader"),
        ("<ismrmrdHeader", '<!DOCTYPE a [<!ENTITY b "c">]><ismrmrdHeader', "defines entities"),
    ],
)
def test_headers_that_cannot_be_used(path, old, new, match):
    rewrite(path, lambda text: text.replace(old, new))
    refused(path, match)


def _shorter(rows):
    rows["data"][5] = rows["data"][5][:-2]
    return rows


def _not_finite(rows):
    rows["data"][5] = rows["data"][5] * np.float32(np.nan)
    return rows


def _another(field, value):
    def change(rows):
        rows["head"][field][7:9] = value
        return rows

    return change


def _several_slices(rows):
    rows["head"]["idx"]["slice"][3] = 1
    return rows


def _far(rows):
    for row in rows:
        row["traj"] = row["traj"] * np.float32(3)
    return rows


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (_shorter, "damaged; an arm has 638 numbers, not 640"),
        (_not_finite, "not finite"),
        (_another("active_channels", 1), "acquisitions differ in active_channels"),
        (_another("number_of_samples", 9), "acquisitions differ in number_of_samples"),
        (_several_slices, "several values of slice"),
        (_far, "its trajectory reaches 1.5"),
        (lambda rows: rows[:12], "too few arms; it has 12"),
        (lambda rows: rows[:0], "declares 0 acquisitions"),
    ],
)
def test_acquisitions_that_cannot_be_used(path, change, match):
    rewrite(path, change_rows=change)
    refused(path, match)


def test_damage_and_other_content_give_one_line_and_the_exit_code(path, tmp_path, capsys):
    content = path.read_bytes()
    for length in (0, 100, 3000, len(content) // 2):
        (tmp_path / "b.h5").write_bytes(content[:length])
        command = ["reconstruct", str(tmp_path / "b.h5"), "-o", str(tmp_path / "b.npz")]
        assert main(command) == 3
        assert len(capsys.readouterr().err.strip().splitlines()) == 1
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["frames"] = np.zeros((3, 20, 20))
    assert main(command) == 3
    assert "holds no raw data" in capsys.readouterr().err
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["dataset/xml"], file["dataset/data"] = "text", np.zeros(3)
    assert main(command) == 3
    assert main([*command, "--size", "9"]) == 2
    assert not (tmp_path / "b.npz").exists()


def test_other_files_are_never_read(path, tmp_path):
    def outer_group(file):
        file["dataset"] = h5py.ExternalLink(str(path), "/dataset")

    def outer_data(file):
        file["dataset/xml"] = "<ismrmrdHeader/>"
        file["dataset/data"] = h5py.ExternalLink(str(path), "/dataset/data")

    def outer_header(file):
        storage = [(str(path), 0, 16)]
        file.create_dataset("dataset/xml", (1,), "S16", external=storage)
        file["dataset/data"] = np.zeros(3)

    for attack in (outer_group, outer_data, outer_header):
        with h5py.File(tmp_path / "b.h5", "w") as file:
            attack(file)
        with pytest.raises(RecordingError, match="into this file") as caught:
            open_source(tmp_path / "b.h5")
        assert "\n" not in str(caught.value)


def test_headers_of_other_programs(tmp_path):
    """Another prefix of the namespace, the trajectory's own parameters, no recon space."""
    text = f"""<?xml version="1.0"?><m:ismrmrdHeader {NAMESPACE.replace("xmlns", "xmlns:m")}>
    <m:encoding><m:encodedSpace><m:matrixSize><m:x>84</m:x><m:y>84</m:y><m:z>1</m:z></m:matrixSize>
    </m:encodedSpace><m:trajectoryDescription><m:identifier>spiral</m:identifier>
    <m:userParameterLong><m:name>interleaves</m:name><m:value>13</m:value></m:userParameterLong>
    </m:trajectoryDescription></m:encoding>
    <m:sequenceParameters><m:TR> 6.004 </m:TR></m:sequenceParameters></m:ismrmrdHeader>"""
    header = parse_header(text.encode(), tmp_path)
    assert header.repetition_time == Fraction(6004, 1_000_000)
    assert (header.size, header.interleaves, header.transient_arms) == ((84, 84), 13, None)


def test_command(scan, path, tmp_path, capsys):
    output = tmp_path / "frames.npz"
    command = ["reconstruct", str(path), "-o", str(output), "--temporal", str(TEMPORAL)]
    assert main(command) == 0
    assert "16 frames, 125000/1501 frames a second" in capsys.readouterr().out
    written = np.load(output)
    assert written["frames"].shape == (16, 32, 32)
    assert np.allclose(written["audio"], scan.raw.audio, atol=1e-4)
    assert main(command) == 6  # exists
    for suffix in (".mp4", ".mat"):
        result = output.with_suffix(suffix)
        assert main([*command[:3], str(result), "--method", "view"]) == 0
        source = open_source(result)
        assert (source.count, source.rate) == (16, USC_RATE)
        assert source.sound is not None


def test_raw_data_are_denoised_in_one_command(path, tmp_path, tiny_model, capsys):
    from cleartract.model.weights import save_model

    save_model(tiny_model, tmp_path / "tiny.safetensors", {"steps": 0})
    weights, output = str(tmp_path / "tiny.safetensors"), tmp_path / "out.mp4"
    assert main(["denoise", str(path), "-o", str(output), "--weights", weights]) == 0
    assert "reconstructed from raw data by CG-SENSE" in capsys.readouterr().err
    assert open_source(output).count == 16


def test_without_finufft(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "finufft", None)
    with pytest.raises(RecordingError, match="install: pip install"):
        RawSource(path)
