import json
import shutil

import numpy as np
import pytest

from cleartract.cli import main
from cleartract.corpora.simulated import OUTLINES, SimulatedRecording
from cleartract.errors import CorpusError
from cleartract.jobs.engine import EngineSettings
from cleartract.reconstruction.settings import ReconstructionSettings
from cleartract.recordings.opening import open_source
from cleartract.recordings.raw_source import RawSource
from cleartract.recordings.sound import whole
from cleartract.simulation.corpus import CorpusSettings, read_settings, simulate
from cleartract.simulation.tasks import raw_path
from cleartract.training.inversion import read_motion


def files(corpus):
    return sorted(corpus.glob("speaker*/recording*.npz"))


def test_contents(corpus):
    for path in files(corpus):
        simulated = SimulatedRecording.load(path)
        count, size = simulated.clean.shape[:2]
        assert simulated.outlines.shape == (count, OUTLINES["epiglottis"].stop, 2)
        assert np.percentile(simulated.clean.astype(float), 99.5) == pytest.approx(1, abs=0.01)
        frame = 1 / float(simulated.rate)
        assert simulated.duration == pytest.approx(count * frame, abs=1.5 * frame)
        truth = simulated.truth().frames
        for name in simulated.reconstructions:
            noisy = simulated.noisy(name).frames
            assert noisy.shape == (count, size, size)
            assert (noisy * truth).sum() / (truth**2).sum() == pytest.approx(1, abs=0.1)
            scan = simulated.truth(name).frames
            restored = np.abs(scan + simulated.error(name))
            np.testing.assert_allclose(restored, noisy, atol=2e-3)
            tissue = truth.mean(0) > 0.3  # where magnitudes have no bias to speak of
            static = (noisy - scan).mean(0)[tissue].std()
            assert static < 0.7 * (noisy - truth).mean(0)[tissue].std()


def test_a_stopped_simulation_goes_on_and_gives_the_same_bytes(corpus, tmp_path):
    again = tmp_path / "again"
    shutil.copytree(corpus, again)
    lost = files(again)[2]
    lost.unlink()
    (lost.parent / ".recording00.1.partial.npz").write_bytes(b"half")
    kept = [path.stat().st_mtime_ns for path in files(again)]
    simulate(again, read_settings(corpus), EngineSettings(workers=1))
    assert [p.read_bytes() for p in files(again)] == [p.read_bytes() for p in files(corpus)]
    assert [path.stat().st_mtime_ns for path in files(again) if path != lost] == kept
    assert not list(again.rglob("*partial*"))


def test_another_corpus_is_not_mixed_in(corpus):
    with pytest.raises(CorpusError, match="other settings"):
        simulate(corpus, CorpusSettings(speakers=4))
    assert main(["simulate", "--out", str(corpus), "--speakers", "5"]) == 7


def test_a_header_from_before_there_was_a_choice_of_noise(corpus, tmp_path):
    described = json.loads((corpus / "corpus.json").read_text())
    del described["noise"], described["sound_only"]
    (tmp_path / "corpus.json").write_text(json.dumps(described))
    assert read_settings(tmp_path) == read_settings(corpus)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "damaged"),
        ("[3]", "damaged"),
        ('{"format": 2, "voices": 2}', "voices: there is no such setting"),
        ('{"format": 9}', "format 9, but this version of cleartract reads format 2"),
        ("{}", "format None"),
    ],
)
def test_headers_that_cannot_be_read(tmp_path, text, message):
    (tmp_path / "corpus.json").write_text(text)
    with pytest.raises(CorpusError, match=message):
        simulate(tmp_path, CorpusSettings())


def test_sound_without_frames(tmp_path, capsys):
    out = tmp_path / "speech"
    command = ["simulate", "--out", str(out), "--sound-only", "--speakers", "2"]
    assert main([*command, "--minutes", "0.02", "--seconds", "0.5", "--workers", "1"]) == 0
    spoken = read_motion(out, "train")
    assert f"{out}: {len(spoken)} utterances" in capsys.readouterr().out
    assert len(spoken) == len(list(out.rglob("speech*.npz"))) >= 2
    for item in spoken:
        seconds = len(item.sound) / 16_000
        assert item.tract.shape[1] == 19
        assert len(item.tract) / item.state_rate == pytest.approx(seconds, abs=0.02)
        assert np.abs(item.sound).max() > 0.05
    assert main([*command[:3], "--speakers", "2"]) == 7  # another corpus is not mixed in


def test_raw_data_beside_every_recording(corpus, tmp_path, capsys):
    again = tmp_path / "again"
    shutil.copytree(corpus, again)
    kept = [path.stat().st_mtime_ns for path in files(again)]
    settings = read_settings(corpus)
    for path in files(again)[:-1]:  # are there already
        raw_path(path).touch()
    simulate(again, settings, EngineSettings(workers=1), raw=True)
    assert [path.stat().st_mtime_ns for path in files(again)] == kept
    path = files(again)[-1]
    simulated, source = SimulatedRecording.load(path), open_source(raw_path(path))
    assert (source.count, source.rate) == (len(simulated.clean), simulated.rate)
    assert np.allclose(whole(source.sound), simulated.audio, atol=1e-6)
    method = ReconstructionSettings(method="view", field=1.0)
    frames = np.concatenate(list(RawSource(source.path, settings=method).chunks()))
    noisy = simulated.noisy("view_shared").frames
    tissue = simulated.clean.mean(0) > 0.3
    gain = (frames * noisy).sum() / (frames**2).sum()
    assert np.sqrt(((gain * frames - noisy)[:, tissue] ** 2).mean()) < 0.01
    command = ["simulate", "--out", str(tmp_path / "speech"), "--sound-only", "--raw"]
    assert main(command) == 2
    assert "leave out --sound-only" in capsys.readouterr().err
