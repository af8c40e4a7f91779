"""Folders of labs: every recording is found once, with its sound."""

from pathlib import Path

import numpy as np
import pytest

from cleartract.corpora.layouts import find_recordings
from cleartract.errors import CorpusError


def made(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def listed(folder, pattern="*"):
    found = find_recordings((folder,), pattern)
    return {
        one.path.relative_to(folder).as_posix(): (
            one.place.as_posix(),
            one.audio and one.audio.relative_to(folder).as_posix(),
        )
        for one in found
    }


def test_usc_75_prefers_what_is_not_clipped_and_finds_the_sound(tmp_path):
    made(
        tmp_path,
        "sub001/2drt/video/sub001_2drt_01_vcv1_r1_video.mp4",
        "sub001/2drt/recon/sub001_2drt_01_vcv1_r1_recon.h5",
        "sub001/2drt/raw/sub001_2drt_01_vcv1_r1_raw.h5",
        "sub001/2drt/audio/sub001_2drt_01_vcv1_r1_audio.wav",
        "sub001/2drt/video/sub001_2drt_12_picture1_video.mp4",
        "sub001/2drt/audio/sub001_2drt_12_picture1_audio.wav",
        "sub002/raw/sub002_2drt_04_bvt_raw.h5",
    )
    audio = "sub001/2drt/audio/sub001_2drt"
    recon = "sub001/2drt/recon/sub001_2drt_01_vcv1_r1_recon"
    video = "sub001/2drt/video/sub001_2drt_12_picture1_video"
    raw = "sub002/raw/sub002_2drt_04_bvt_raw"
    assert listed(tmp_path) == {
        f"{recon}.h5": (recon, f"{audio}_01_vcv1_r1_audio.wav"),
        f"{video}.mp4": (video, f"{audio}_12_picture1_audio.wav"),
        f"{raw}.h5": (raw, None),
    }


def test_flat_layout_with_denoised_sound(tmp_path):
    video = "dataset_2drt_video_only/sub001/2drt/video/sub001_2drt_06_rainbow_r1_video"
    sound = "audios_denoised_16khz/sub001/sub001_2drt_06_rainbow_r1_video.wav"
    made(tmp_path, f"{video}.mp4", sound)
    assert listed(tmp_path) == {f"{video}.mp4": (video, sound)}


def test_usc_timit(tmp_path):
    made(tmp_path, "F1/avi/usctimit_mri_f1_001_005.avi", "F1/wav/usctimit_mri_f1_001_005.wav")
    name = "usctimit_mri_f1_001_005"
    assert listed(tmp_path) == {f"F1/avi/{name}.avi": (f"F1/avi/{name}", f"F1/wav/{name}.wav")}


def test_art_speech_1_has_a_folder_for_each_recording(tmp_path):
    slices = [f"P1/DCM_2D/S3/{number:04d}.dcm" for number in range(3)]
    sound = "P1/OTHER/S3/DENOISED_SOUND_P1_S3.wav"
    made(tmp_path, *slices, sound)
    assert listed(tmp_path) == {"P1/DCM_2D/S3": ("P1/DCM_2D/S3", sound)}


def test_art_speech_2_takes_the_dicom_and_not_what_was_made_from_it(tmp_path):
    made(
        tmp_path,
        "1612/S2/1612_S2.dcm",
        "1612/S2/1612_S2.wav",
        "1612/S2/NPY_MR/0001.npy",
        "1612/S2/NPY_MR/0002.npy",
        "1612/S2/inference_contours/0001_tongue.npy",
    )
    assert listed(tmp_path) == {"1612/S2/1612_S2.dcm": ("1612/S2/1612_S2", "1612/S2/1612_S2.wav")}


def test_bids(tmp_path):
    start = "sub-01/beh/sub-01_task-read"
    made(tmp_path, f"{start}_video.mp4", f"{start}_audio.wav", f"{start}_events.npy")
    assert listed(tmp_path) == {f"{start}_video.mp4": (f"{start}_video", f"{start}_audio.wav")}


def test_other_folders_hidden_files_and_results(tmp_path):
    made(
        tmp_path, "a/one.mp4", "a/one.avi", "b.mat", ".hidden/c.mp4", ".d.mp4", "notes.txt",
        "a/one_cleartract.mp4", "a/two_uncertainty.npz",
    )  # fmt: skip
    assert listed(tmp_path) == {
        "a/one.mp4": ("a/one_mp4", None),
        "a/one.avi": ("a/one_avi", None),
        "b.mat": ("b", None),
    }
    assert set(listed(tmp_path, "*.mat")) == {"b.mat"}


def test_a_series_of_arrays_is_one_recording_and_arrays_of_frames_are_many(tmp_path):
    for number in range(3):
        (tmp_path / "series").mkdir(exist_ok=True)
        np.save(tmp_path / "series" / f"{number:04d}.npy", np.zeros((20, 20)))
        (tmp_path / "arrays").mkdir(exist_ok=True)
        np.save(tmp_path / "arrays" / f"{number}.npy", np.zeros((5, 20, 20)))
    assert set(listed(tmp_path)) == {"series", *(f"arrays/{n}.npy" for n in range(3))}


def test_a_link_to_a_folder_is_not_followed(tmp_path):
    made(tmp_path, "a/one.mp4")
    (tmp_path / "a" / "again").symlink_to(tmp_path)
    assert set(listed(tmp_path)) == {"a/one.mp4"}


def test_files_named_themselves(tmp_path):
    made(tmp_path, "a/one.mp4", "b/two.avi")
    found = find_recordings((tmp_path / "a" / "one.mp4", tmp_path / "b"))
    assert [one.place for one in found] == [Path("one"), Path("two")]


@pytest.mark.parametrize("name", ["missing", ""])
def test_nothing_there_is_one_line(tmp_path, name):
    with pytest.raises(CorpusError, match=r"no such file|no recordings"):
        find_recordings((tmp_path / name,))


def test_the_trajectory_of_raw_data_is_no_recording(tmp_path):
    """As of the USC 0.55 T scanner, in MATLAB files of both kinds."""
    h5py, io = pytest.importorskip("h5py"), pytest.importorskip("scipy.io")
    made(tmp_path, "scan.h5", "film.mat")
    io.savemat(
        tmp_path / "0a1b.mat", {"kx": np.ones((3, 2)), "ky": np.ones((3, 2)), "w": [1, 2, 3]}
    )
    with h5py.File(tmp_path / "0c2d.mat", "w") as file:
        file["kx"], file["ky"], file["w"] = np.ones((2, 3)), np.ones((2, 3)), np.ones(3)
    assert set(listed(tmp_path)) == {"scan.h5", "film.mat"}
