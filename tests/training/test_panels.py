import dataclasses

from cleartract.recordings.writing import write_recording
from cleartract.training.panels import QualitativePanel


def test_the_panel_prefers_sound_and_new_speakers(tmp_path, recording):
    for name, heard in (("f1_a", True), ("f2_a", False), ("f1_b", True), ("f3_a", True)):
        cut = recording.excerpt(0, 6)
        cut = cut if heard else dataclasses.replace(cut, audio=None, sample_rate=None)
        write_recording(tmp_path / f"{name}.avi", cut, {})
    panel = QualitativePanel(tmp_path, tmp_path / "run", count=2)
    assert [item.name for item in panel.items] == ["1_F1", "2_F3"]


def test_panels_stay_in_the_run_folder_whatever_a_speaker_is_called(
    tmp_path, recording, monkeypatch
):
    write_recording(tmp_path / "f1_a.avi", recording.excerpt(0, 6), {})
    monkeypatch.setattr("cleartract.corpora.entries.speaker_of", lambda _: "x/../../evil")
    panel = QualitativePanel(tmp_path, tmp_path / "run", count=1)
    assert [item.name for item in panel.items] == ["1_x_.._.._evil"]
