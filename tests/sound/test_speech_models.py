import numpy as np
import pytest
import torch

from cleartract.cli import main
from cleartract.corpora.dataset import AVDataset
from cleartract.errors import UsageError
from cleartract.model.model import Model
from cleartract.model.weights import load_model, save_model
from cleartract.sound.encoders import AudioConfig
from cleartract.sound.speech_models import read_speech_config
from cleartract.training.config import TrainingConfig
from cleartract.training.loop import LoopOptions, run_loop
from tests.sound.speech import encoder_of


@pytest.fixture
def speech_model(speech_folder, tiny_config):
    """A model with the speech model as its audio encoder."""
    speech = read_speech_config(speech_folder)
    channels = tiny_config.audio.channels
    audio = AudioConfig(encoder="pretrained", channels=channels, speech=speech)
    model = Model(tiny_config.model_copy(update={"audio": audio})).eval()
    model.audio.speech.load_folder(speech_folder)
    return model


@pytest.mark.parametrize("frozen", [True, False])
def test_a_speech_model_is_frozen_or_fine_tuned(speech_folder, frozen):
    encoder = encoder_of("pretrained", speech_folder, frozen=frozen).train()
    tokens, _ = encoder(torch.randn(2, 8000), torch.zeros(2))
    tokens.square().sum().backward()
    inside = [p.grad is not None for n, p in encoder.named_parameters() if "speech.model" in n]
    assert any(inside) != frozen
    assert encoder.speech.project.weight.grad.abs().sum() > 0
    assert encoder.speech.model.training != frozen


def test_the_weights_file_alone_rebuilds_a_speech_model(speech_model, tmp_path):
    save_model(speech_model, tmp_path / "w.safetensors", {}, half=False)
    rebuilt, _ = load_model(tmp_path / "w.safetensors")
    sound, start = torch.randn(1, 8000), torch.zeros(1)
    for a, b in zip(speech_model.audio(sound, start), rebuilt.audio(sound, start), strict=True):
        torch.testing.assert_close(a, b)


def test_a_whole_recording_is_read_once_and_cut_by_time(speech_folder):
    speech = encoder_of("pretrained", speech_folder).speech
    rng = np.random.default_rng(0)
    quiet = (0.01 * rng.normal(size=50 * 16_000)).astype(np.float32)
    loud = quiet.copy()
    loud[23 * 16_000 : 23 * 16_000 + 1600] += np.sin(np.arange(1600)).astype(np.float32)
    before, after = (speech.of_recording(sound).astype(float) for sound in (quiet, loud))
    assert len(before) == 1 + (len(quiet) - speech.span) // speech.hop  # pieces leave no gap
    changed = np.linalg.norm(after - before, axis=1)
    touched = np.flatnonzero(changed > 0.3 * changed.max()) * speech.hop / 16_000
    assert 18 < touched.min() < 23.1 < touched.max() < 42  # the piece that heard it, no other
    for start in (-4000, 100, 49 * 16_000):
        cut, later = speech.of_span(before, start, 16_000)
        assert cut.shape == (50, before.shape[1])
        assert abs(later) <= 0.5 * speech.hop / 16_000 + speech.span / 32_000
        first = round(((start + later * 16_000) - (speech.span - 1) / 2) / speech.hop)
        known = [k for k in range(50) if 0 <= first + k < len(before)]
        np.testing.assert_allclose(cut[known], before[[first + k for k in known]], rtol=1e-3)
        assert not cut[[k for k in range(50) if k not in known]].any()


def test_features_kept_on_disk_change_nothing(speech_model, corpus, tmp_path):
    config = TrainingConfig(model=speech_model.config, steps=2, batch=2, window_frames=3)
    kept, states, written = tmp_path / "kept", [], {}
    for name, folder in (("a", None), ("b", kept), ("c", kept)):
        options = LoopOptions("cpu", speech_features=folder)
        trained = run_loop(AVDataset(corpus), tmp_path / name, config, options, speech_model)
        states.append(trained.state_dict())
        found = {p: p.stat().st_mtime_ns for p in kept.glob("*")}
        assert bool(found) == (folder is not None)
        if name == "c":
            assert found == written  # the third run read what the second wrote
        written = found
    for other in states[1:]:
        for tensor, same in zip(states[0].values(), other.values(), strict=True):
            assert torch.equal(tensor, same)
    learned = states[0]["audio.speech.project.weight"]
    assert not torch.equal(learned, speech_model.audio.speech.project.weight)


def test_folders_without_a_speech_model_are_refused(tmp_path):
    pytest.importorskip("transformers")
    with pytest.raises(UsageError, match=r"no config\.json"):
        read_speech_config(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(UsageError, match="bert"):
        read_speech_config(tmp_path)


def test_training_with_a_speech_model(speech_folder, corpus, tiny_config, tmp_path):
    config = TrainingConfig(model=tiny_config, steps=2, batch=1, window_frames=3, inversion_steps=0)
    (tmp_path / "config.json").write_text(config.model_dump_json())
    command = ["train", "--data", str(corpus), "--out", str(tmp_path / "run"), "--no-panel"]
    command += ["--config", str(tmp_path / "config.json")]
    assert main([*command, "--speech-model", str(tmp_path)]) == 2
    assert main([*command, "--speech-model", str(speech_folder)]) == 0
    model, _ = load_model(tmp_path / "run" / "weights.safetensors")
    transformers = pytest.importorskip("transformers")
    own = transformers.AutoModel.from_pretrained(speech_folder).state_dict()
    for name, tensor in model.audio.speech.model.state_dict().items():
        torch.testing.assert_close(tensor, own[name], rtol=1e-2, atol=1e-3, msg=name)  # frozen
