"""What a run begins with: the clips of its panel, the model of given weights."""

import dataclasses

from cleartract.cli import main
from cleartract.model.weights import load_model, save_model
from cleartract.recordings.video_out import write_recording
from cleartract.training.panels import QualitativePanel


def test_the_panel_prefers_sound_and_new_speakers(tmp_path, recording):
    for name, heard in (("f1_a", True), ("f2_a", False), ("f1_b", True), ("f3_a", True)):
        cut = recording.excerpt(0, 6)
        cut = cut if heard else dataclasses.replace(cut, audio=None, sample_rate=None)
        write_recording(tmp_path / f"{name}.avi", cut, {})
    panel = QualitativePanel(tmp_path, tmp_path / "run", count=2)
    assert [item.name for item in panel.items] == ["1_F1", "2_F3"]


def test_given_weights_bring_their_model(tmp_path, corpus, tiny_model):
    weights = tmp_path / "tiny.safetensors"
    save_model(tiny_model, weights, {})
    command = ["train", "--data", str(corpus), "--weights", str(weights), "--steps", "1"]
    assert main([*command, "--out", str(tmp_path / "run"), "--no-panel"]) == 0
    trained, _ = load_model(tmp_path / "run" / "weights.safetensors")
    assert trained.config == tiny_model.config
