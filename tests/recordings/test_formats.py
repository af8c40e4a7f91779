"""Kinds of file by their names."""

import os
from pathlib import Path

import pytest

from cleartract.commands.denoise import Denoise
from cleartract.corpora.layouts import find_recordings
from cleartract.recordings.formats import OUTPUT_SUFFIXES, READERS, stem_of

DOUBLE = [".nii.gz", ".ome.tif", ".ome.tiff", ".v5.mat", ".NII.GZ", ".Ome.Tif"]


@pytest.mark.parametrize("suffix", [*OUTPUT_SUFFIXES, *READERS, *DOUBLE])
@pytest.mark.parametrize("stem", ["scan", "a.b", "sub-01_task-a.rest", ".hidden", "v5", "nii"])
def test_a_name_without_its_suffix(stem, suffix):
    assert stem_of(Path("folder", stem + suffix.strip("/"))) == (
        stem if suffix != "/" else Path(stem).stem
    )


def test_a_folder_keeps_its_whole_name(tmp_path):
    for name in ("S1", "run.2", "frames.nii.gz"):
        (tmp_path / name).mkdir()
        assert stem_of(tmp_path / name) == name


@pytest.mark.parametrize("suffix", DOUBLE)
def test_no_default_name_keeps_half_a_suffix(suffix):
    targets = Denoise(
        inputs=(Path("d/scan" + suffix),), master=True, opinion_map=Path("o" + suffix)
    ).targets()
    assert targets["result"] == Path("d/scan_cleartract.mp4")
    assert targets["opinion_picture"] == Path("o.png")
    named = Denoise(inputs=(Path("a.mp4"),), output=Path("out" + suffix), master=True).targets()
    assert named["master"] == Path("out_master.avi")
    assert named["sidecar"] == Path(f"out{suffix}.json")


def test_recordings_whose_names_differ_by_half_a_suffix_stay_apart(tmp_path):
    for name in ("scan.tif", "scan.ome.tif", "scan.nii.gz", "other.ome.tif"):
        (tmp_path / name).write_bytes(b"")
    places = [os.fspath(one.place) for one in find_recordings((tmp_path,))]
    assert sorted(places) == ["other", "scan_nii_gz", "scan_ome_tif", "scan_tif"]
