"""Raw data of simulated speech, of a fraction of a second."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("h5py")

from cleartract.cli import main
from cleartract.corpora.simulated import SimulatedRecording
from cleartract.jobs.engine import EngineSettings
from cleartract.reconstruction.settings import ReconstructionSettings
from cleartract.recordings.opening import open_source
from cleartract.recordings.raw_source import RawSource
from cleartract.recordings.sound import whole
from cleartract.simulation import scan
from cleartract.simulation.corpus import CorpusSettings, simulate
from cleartract.simulation.phantom.speech import SOUND_RATE, STATE_RATE
from cleartract.simulation.tasks import raw_path, tasks
from tests.recordings.raw_data import difference

UTTERANCE = (("", 0.05), ("a:", 0.1), ("d", 0.1), ("", 0.05))
SECONDS = 0.15  # the synthesizer adds pauses, which are cut off


@pytest.fixture(autouse=True)
def short_speech(monkeypatch):
    def perform(_, *arguments):
        speech = synthesize(UTTERANCE, *arguments)
        tract, audio = round(SECONDS * STATE_RATE), round(SECONDS * SOUND_RATE)
        return replace(speech, tract=speech.tract[:tract], audio=speech.audio[:audio])

    synthesize = scan.perform
    monkeypatch.setattr(scan, "perform", perform)


def settings(timit_share: float) -> CorpusSettings:
    return CorpusSettings(
        speakers=1, minutes=0.01, seconds=0.5, coils=2, timit_share=timit_share, seed=3
    )


@pytest.mark.parametrize("timit_share", [0.0, 1.0])
def test_raw_data_and_known_maps_give_the_frames_of_the_corpus(tmp_path, timit_share):
    """With noise, of each protocol and reconstruction; the rest is half precision of the corpus."""
    wanted = settings(timit_share)
    simulated, raw = scan.simulate_scan(wanted, tasks(wanted)[0])
    raw.save(tmp_path / "a_raw.h5")
    for method, name in (("cg", "cg_sense"), ("view", "view_shared")):
        if name not in simulated.reconstructions:
            continue
        known = ReconstructionSettings(method=method, field=1.0, temporal=raw.temporal or 0.0)
        source = RawSource(tmp_path / "a_raw.h5", settings=known, maps=raw.maps)
        frames = np.concatenate(list(source.chunks()))
        assert (source.count, source.rate) == (len(simulated.clean), simulated.rate)
        assert difference(frames, simulated.noisy(name).frames).max() < 1e-3


def test_raw_data_are_added_to_a_corpus_that_stays_as_it_is(tmp_path):
    simulate(tmp_path, settings(1.0), EngineSettings(workers=1))
    (path,) = tmp_path.glob("speaker*/*.npz")
    before = path.read_bytes(), path.stat().st_mtime_ns
    simulate(tmp_path, settings(1.0), EngineSettings(workers=1), raw=True)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    simulated, source = SimulatedRecording.load(path), open_source(raw_path(path))
    assert (source.count, source.rate) == (len(simulated.clean), simulated.rate)
    assert np.array_equal(whole(source.sound), simulated.audio)
    written = raw_path(path).stat().st_mtime_ns
    simulate(tmp_path, settings(1.0), EngineSettings(workers=1), raw=True)
    assert raw_path(path).stat().st_mtime_ns == written


def test_sound_alone_has_no_raw_data(tmp_path, capsys):
    assert main(["simulate", "--out", str(tmp_path / "a"), "--sound-only", "--raw"]) == 2
    assert "leave out --sound-only" in capsys.readouterr().err
    assert not (tmp_path / "a").exists()
