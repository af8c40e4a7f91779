import pytest

from cleartract.simulation.settings import CorpusSettings
from cleartract.simulation.tasks import split_of, tasks


def test_splits_are_by_speaker():
    settings = CorpusSettings(speakers=16, minutes=8)
    splits = {}
    for task in tasks(settings):
        splits.setdefault(task.speaker, set()).add(task.split)
    assert all(len(of_speaker) == 1 for of_speaker in splits.values())
    counted = [split_of(speaker, 16) for speaker in range(16)]
    counts = [counted.count(split) for split in ("train", "test", "validation")]
    assert counts == [12, 2, 2]
    total = len(tasks(settings)) * settings.seconds / 60
    assert total == pytest.approx(8, rel=0.1)
