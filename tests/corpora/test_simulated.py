import json
from fractions import Fraction

import numpy as np
import pytest

from cleartract.corpora.simulated import (
    OUTLINES,
    SimulatedHeader,
    SimulatedRecording,
    SimulatedSpeech,
    kind_of,
    simulated_path,
)
from cleartract.errors import RecordingError

COUNT, SIZE = 5, 16
PARAMETERS = {"split": "test", "speaker": "speaker002", "seed": [1, 2, 0]}


@pytest.fixture
def simulated():
    rng = np.random.default_rng(0)
    return SimulatedRecording(
        audio=rng.normal(size=1200).astype(np.float32),
        sample_rate=20_000,
        tract=rng.normal(size=(24, 19)).astype(np.float32),
        state_rate=44_100 / 110,
        parameters=PARAMETERS,
        clean=rng.random((COUNT, SIZE, SIZE)).astype(np.float16),
        scans={"view_shared": rng.random((COUNT, SIZE, SIZE)).astype(np.float16)},
        reconstructions={"view_shared": rng.random((COUNT, 2, SIZE, SIZE)).astype(np.float16)},
        rate=Fraction(125_000, 1501),
        outlines=rng.random((COUNT, OUTLINES["epiglottis"].stop, 2)).astype(np.float32),
    )


@pytest.fixture
def path(simulated, tmp_path):
    written = simulated_path(tmp_path, 2, 0, "recording")
    simulated.save(written)
    return written


def stored(path) -> dict[str, np.ndarray]:
    with np.load(path) as file:
        return dict(file)


def test_what_is_read_is_what_was_written(simulated, path):
    again = SimulatedRecording.load(path)
    assert (again.rate, again.sample_rate, again.state_rate) == (
        simulated.rate,
        simulated.sample_rate,
        simulated.state_rate,
    )
    assert again.parameters == {**PARAMETERS, "format": 2}
    assert list(again.reconstructions) == ["view_shared"]
    for name in ("audio", "tract", "clean", "outlines"):
        np.testing.assert_array_equal(getattr(again, name), getattr(simulated, name))
    written = path.read_bytes()
    again.save(path)
    assert path.read_bytes() == written


def test_the_header_agrees_with_the_whole_file(simulated, path):
    header = SimulatedHeader.load(path)
    names = tuple(simulated.reconstructions)
    size = (SIZE, SIZE)
    assert header == SimulatedHeader("speaker002", "test", COUNT, size, simulated.rate, names)


def test_speech_is_read_from_files_with_frames_too(simulated, path):
    speech = SimulatedSpeech.load(path)
    np.testing.assert_array_equal(speech.tract, simulated.tract)
    assert speech.split == "test"
    alone = simulated_path(path.parent, 2, 1, "speech")
    speech.save(alone)
    np.testing.assert_array_equal(SimulatedSpeech.load(alone).audio, simulated.audio)
    with pytest.raises(RecordingError, match=r"speech01\.npz: not a simulated recording"):
        SimulatedRecording.load(alone)
    with pytest.raises(RecordingError, match="not a simulated recording"):
        SimulatedHeader.load(alone)


def test_the_keys_of_format_2_stay(simulated, path):
    """Written key by key, as files of format 2 are always written."""
    by_hand = path.with_name("recording01.npz")
    np.savez(
        by_hand,
        clean=simulated.clean,
        scan_view_shared=simulated.scans["view_shared"],
        view_shared=simulated.reconstructions["view_shared"],
        audio=simulated.audio,
        sample_rate=np.array(20_000),
        rate=np.array([125_000, 1501]),
        tract=simulated.tract,
        state_rate=np.array(44_100 / 110),
        outlines=simulated.outlines,
        parameters=np.array(json.dumps({"format": 2, **PARAMETERS}, sort_keys=True)),
    )
    assert by_hand.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("load", [SimulatedRecording.load, SimulatedHeader.load])
def test_another_format_is_named(path, load):
    arrays = stored(path)
    arrays["parameters"] = np.array(json.dumps({**PARAMETERS, "format": 7}))
    np.savez(path, **arrays)
    with pytest.raises(RecordingError, match=r"recording00\.npz: format 7, .*reads format 2; sim"):
        load(path)


@pytest.mark.parametrize("load", [SimulatedRecording.load, SimulatedHeader.load])
@pytest.mark.parametrize("kind", ["cut", "text", "array", "unnamed", "missing"])
def test_damaged_files_are_named(path, load, kind):
    if kind == "cut":
        path.write_bytes(path.read_bytes()[:-900])
    elif kind == "text":
        path.write_text("nothing")
    elif kind == "array":
        with open(path, "wb") as file:
            np.save(file, np.zeros(3))
    elif kind == "unnamed":
        np.savez(path, **(stored(path) | {"parameters": np.array("[1]")}))
    else:
        path.unlink()
    with pytest.raises(RecordingError, match=r"recording00\.npz: not a simulated recording \(.+\)"):
        load(path)


def test_kinds_are_known_by_their_names(tmp_path):
    for kind in ("recording", "speech"):
        assert kind_of(simulated_path(tmp_path, 0, 11, kind)) == kind
    for name in (".recording00.77.partial.npz", "recording00.mp4", "naturalness.npz"):
        assert kind_of(tmp_path / name) is None


@pytest.mark.parametrize("speaker", ["x/../../evil", "..", "", ".hidden", "a b", 3, None, ["a"]])
def test_a_speaker_that_cannot_be_a_file_name_is_refused(path, speaker):
    arrays = stored(path)
    arrays["parameters"] = np.array(json.dumps({**PARAMETERS, "format": 2, "speaker": speaker}))
    np.savez(path, **arrays)
    for load in (SimulatedHeader.load, SimulatedRecording.load):
        with pytest.raises(RecordingError, match="not a simulated recording"):
            load(path)


@pytest.mark.parametrize(
    "changed",
    [
        {"parameters": np.array("[" * 100_000)},
        {"parameters": np.array('["format", 2]')},
        {"rate": np.array([83, 0])},
        {"rate": np.array(["a", "b"])},
        {"sample_rate": np.array("fast")},
        {"sample_rate": np.array([1, 2])},
        {"sample_rate": np.array(np.inf)},
    ],
)
def test_fields_of_a_wrong_kind_are_one_error(path, changed):
    np.savez(path, **stored(path) | changed)
    with pytest.raises(RecordingError, match="not a simulated recording"):
        SimulatedRecording.load(path)
