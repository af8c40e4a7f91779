"""The matrix of formats: the page says what was measured, and measures that hold."""

from pathlib import Path

import pytest

pytest.importorskip("h5py")
pytest.importorskip("pydicom")

from benchmarks.layouts import LAYOUTS

from benchmarks import formats

LOSSLESS = {
    "out.npz",
    "out.mat",
    "out.tif",
    "out.nii",
    "out.nii.gz",
    "out/%05d.tif",
    "out/%05d.npy",
}
DEEP = {"out_master.avi", "out.dcm", "out/%05d.png"}


def test_the_page_shows_the_committed_results():
    content = formats.committed()
    text = formats.DOCS.read_text()
    shown = text.partition(formats.BEGIN)[2].partition(formats.END)[0].strip()
    assert shown == formats.tables(content).strip()
    written = Path(formats.RESULTS / "formats.md").read_text()
    assert written == formats.tables(content)


def test_every_kind_and_layout_is_in_the_committed_results():
    content = formats.committed()
    sources = {row["source"] for row in content["results"]}
    assert sources >= {"8 bit, generated", "real numbers, generated", *formats.REAL}
    assert {row["result"] for row in content["results"]} == set(formats.RESULT_KINDS)
    assert {row["layout"] for row in content["layouts"]} == {layout.name for layout in LAYOUTS}
    for row in content["results"]:
        assert row["sound"] not in ("LOST", "NOT ITS OWN"), row
        if row["result"] != "out.gif":
            assert row["latest_ms"] < 0.02, row
            assert row["frames"] == row["of"], row
        if row["result"] in LOSSLESS:
            assert row["equal"], row
        if row["result"] in LOSSLESS | DEEP:
            assert row["apart"] < 1e-4, row
            assert row["unit"], row
    assert all(row["as_made"] and row["result_as_input"] for row in content["layouts"])


@pytest.mark.slow
@pytest.mark.parametrize("kind", formats.RESULT_KINDS)
def test_a_kind_of_result_is_as_committed(tmp_path, kind):
    weights = formats.light_weights(tmp_path / "light.safetensors")
    rows = formats.results(tmp_path / "results", weights, None, (kind,))
    for row in rows:
        (known,) = [
            one
            for one in formats.committed()["results"]
            if (one["result"], one["source"]) == (kind, row["source"])
        ]
        for name in ("frames", "of", "equal", "rate", "sound", "unit"):
            assert row[name] == known[name], (name, row)


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_a_layout_is_read_denoised_and_read_again(tmp_path, layout):
    weights = formats.light_weights(tmp_path / "light.safetensors")
    row = formats.row_of_layout(layout, tmp_path / "layout", weights)
    assert row["as_made"], row
    assert row["result_as_input"], row
