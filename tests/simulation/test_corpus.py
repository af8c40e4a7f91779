import json
import shutil

import numpy as np
import pytest

from cleartract.cli import main
from cleartract.corpora.simulated import SimulatedRecording
from cleartract.errors import CorpusError, UsageError
from cleartract.simulation.corpus import CorpusSettings, simulate, split_of, tasks
from cleartract.training.inversion import read_motion


def files(corpus):
    return sorted(corpus.glob("speaker*/recording*.npz"))


def test_contents(corpus):
    for path in files(corpus):
        found = SimulatedRecording.load(path)
        count, size = found.clean.shape[:2]
        assert found.outlines.shape == (count, 106, 2)
        assert np.percentile(found.clean.astype(float), 99.5) == pytest.approx(1, abs=0.01)
        assert len(found.audio) / found.sample_rate == pytest.approx(
            count / float(found.rate), abs=1.5 / float(found.rate)
        )
        for name in found.reconstructions:
            noisy = found.noisy(name)
            assert noisy.frames.shape == (count, size, size)
            truth = found.truth().frames
            signal = (noisy.frames * truth).sum() / (truth**2).sum()
            assert signal == pytest.approx(1, abs=0.1)
            np.testing.assert_allclose(
                np.abs(found.clean + found.error(name)), noisy.frames, atol=2e-3
            )


def test_the_same_seed_gives_the_same_bytes(corpus, tmp_path):
    settings = CorpusSettings(
        **{
            k: v
            for k, v in json.loads((corpus / "corpus.json").read_text()).items()
            if k != "format"
        }
    )
    # stopped after two recordings: the third is made again, the others are kept
    again = tmp_path / "again"
    shutil.copytree(corpus, again)
    lost = files(again)[2]
    lost.unlink()
    (lost.parent / "recording00.1.tmp").write_bytes(b"half")
    kept = [path.stat().st_mtime_ns for path in files(again)]
    simulate(again, settings, workers=1)
    assert [p.read_bytes() for p in files(again)] == [p.read_bytes() for p in files(corpus)]
    assert [path.stat().st_mtime_ns for path in files(again) if path != lost] == kept
    assert not list(again.rglob("*.tmp"))


def test_another_corpus_is_not_mixed_in(corpus):
    with pytest.raises(CorpusError, match="other settings"):
        simulate(corpus, CorpusSettings(speakers=4))
    assert main(["simulate", "--out", str(corpus), "--speakers", "5"]) == 7


def test_sound_without_frames(tmp_path):
    out = tmp_path / "speech"
    command = ["simulate", "--out", str(out), "--sound-only", "--speakers", "2"]
    assert main([*command, "--minutes", "0.02", "--seconds", "0.5", "--workers", "1"]) == 0
    found = read_motion(out, "train")
    assert len(found) == len(list(out.rglob("speech*.npz"))) >= 2
    for item in found:
        seconds = len(item.sound) / 16_000
        assert item.tract.shape[1] == 19
        assert len(item.tract) / item.state_rate == pytest.approx(seconds, abs=0.02)
        assert np.abs(item.sound).max() > 0.05
    assert main([*command[:3], "--speakers", "2"]) == 7  # another corpus is not mixed in


def test_splits_are_by_speaker():
    settings = CorpusSettings(speakers=16, minutes=8)
    splits = {}
    for task in tasks(settings):
        splits.setdefault(task.speaker, set()).add(task.split)
    assert all(len(found) == 1 for found in splits.values())
    counted = [split_of(s, 16) for s in range(16)]
    assert (counted.count("train"), counted.count("test"), counted.count("validation")) == (
        12,
        2,
        2,
    )
    total = len(tasks(settings)) * settings.seconds / 60
    assert total == pytest.approx(8, rel=0.1)


@pytest.mark.parametrize("wrong", [{"speakers": 0}, {"minutes": 0}, {"coils": 1}])
def test_impossible_settings(wrong):
    with pytest.raises(UsageError, match=f"^{next(iter(wrong))}: "):
        CorpusSettings(**wrong)
