import numpy as np
import pytest
import torch

from cleartract.errors import UsageError
from cleartract.sound.encoders import AudioConfig, AudioEncoder
from cleartract.sound.inversion import PARAMETERS, ArticulatoryInversion
from cleartract.sound.speech_models import read_speech_config

SEQUENCES = ("conv", "gru", "transformer", "pretrained")


@pytest.fixture(scope="module")
def speech_folder(tmp_path_factory):
    """A tiny wav2vec 2.0 model, saved as its library saves it."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.Wav2Vec2Config(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
        conv_dim=(8, 8, 8, 8, 8, 8, 8), num_conv_pos_embeddings=8,
        num_conv_pos_embedding_groups=2,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("speech")
    transformers.Wav2Vec2Model(config).save_pretrained(folder)
    return folder


def encoder_of(name, folder, **options):
    torch.manual_seed(1)
    speech = read_speech_config(folder) if name == "pretrained" else None
    encoder = AudioEncoder(AudioConfig(encoder=name, channels=16, speech=speech, **options)).eval()
    if name == "pretrained":
        encoder.speech.load_folder(folder)
    return encoder


@pytest.mark.parametrize("name", SEQUENCES)
def test_a_click_moves_the_token_at_its_time(name, speech_folder):
    encoder = encoder_of(name, speech_folder)
    rng = np.random.default_rng(0)
    quiet = torch.from_numpy(0.01 * rng.normal(size=(1, 16_000)).astype(np.float32))
    loud = quiet.clone()
    loud[0, 8000:8160] += 0.5 * torch.sin(torch.arange(160) * 0.8)
    start = torch.tensor([-0.5])
    with torch.no_grad():
        before, times = encoder(quiet, start)
        after, _ = encoder(loud, start)
    change = (after - before).norm(dim=-1)[0]
    if name in ("conv", "gru"):  # the others spread it by attention, untrained
        assert float(times[0, change.argmax()]) == pytest.approx(0.005, abs=0.03)
    spacing = times[0].diff()
    torch.testing.assert_close(spacing, torch.full_like(spacing, 0.02), rtol=0, atol=1e-5)
    assert float(times[0, 0]) == pytest.approx(-0.5, abs=0.02)


@pytest.mark.parametrize("frozen", [True, False])
def test_a_speech_model_is_frozen_or_fine_tuned(speech_folder, frozen):
    encoder = encoder_of("pretrained", speech_folder, frozen=frozen).train()
    tokens, _ = encoder(torch.randn(2, 8000), torch.zeros(2))
    tokens.square().sum().backward()
    inside = [p.grad is not None for n, p in encoder.named_parameters() if "speech.model" in n]
    assert any(inside) != frozen
    assert encoder.speech.project.weight.grad.abs().sum() > 0
    assert encoder.speech.model.training != frozen


def test_the_weights_file_alone_rebuilds_a_speech_model(speech_folder, tmp_path, tiny_config):
    from cleartract.model.model import Model
    from cleartract.model.weights import load_model, save_model

    speech = read_speech_config(speech_folder)
    channels = tiny_config.audio.channels
    audio = AudioConfig(encoder="pretrained", channels=channels, speech=speech)
    model = Model(tiny_config.model_copy(update={"audio": audio})).eval()
    model.audio.speech.load_folder(speech_folder)
    save_model(model, tmp_path / "w.safetensors", {}, half=False)
    rebuilt, _ = load_model(tmp_path / "w.safetensors")
    sound = torch.randn(1, 8000)
    for a, b in zip(
        model.audio(sound, torch.zeros(1)), rebuilt.audio(sound, torch.zeros(1)), strict=True
    ):
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


def test_features_kept_on_disk_change_nothing(speech_folder, corpus, tmp_path, tiny_config):
    from cleartract.corpora.dataset import AVDataset
    from cleartract.model.model import Model
    from cleartract.training.config import TrainingConfig
    from cleartract.training.loop import train

    speech = read_speech_config(speech_folder)
    channels = tiny_config.audio.channels
    audio = AudioConfig(encoder="pretrained", channels=channels, speech=speech)
    model = Model(tiny_config.model_copy(update={"audio": audio}))
    model.audio.speech.load_folder(speech_folder)
    config = TrainingConfig(model=model.config, steps=4, batch=2, window_frames=3)
    found = []
    for name, folder in (("a", None), ("b", tmp_path / "kept"), ("c", tmp_path / "kept")):
        run = tmp_path / name
        trained = train(AVDataset(corpus, "train"), run, config, initial=model, features=folder)
        found.append(trained.state_dict())
        kept = {p: p.stat().st_mtime_ns for p in (tmp_path / "kept").glob("*")}
        assert bool(kept) == (folder is not None)
        if name == "b":
            written = kept
    assert kept == written  # the third run read what the second wrote
    for states in found[1:]:
        for tensor, other in zip(found[0].values(), states.values(), strict=True):
            assert torch.equal(tensor, other)
    assert not torch.equal(
        found[0]["audio.speech.project.weight"], model.audio.speech.project.weight
    )


def test_folders_without_a_speech_model_are_refused(tmp_path):
    pytest.importorskip("transformers")
    with pytest.raises(UsageError, match=r"no config\.json"):
        read_speech_config(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(UsageError, match="bert"):
        read_speech_config(tmp_path)


@pytest.mark.parametrize("seconds", [3.0, 4.0, 4.9, 5.1])
def test_long_sounds_are_read_in_pieces_that_fit(seconds, monkeypatch):
    torch.manual_seed(0)
    reader = ArticulatoryInversion(AudioConfig(encoder="conv", channels=8)).eval()
    sound = np.random.default_rng(0).normal(size=round(seconds * 16_000)).astype(np.float32)
    times = np.arange(0.005, seconds, 0.004)
    whole = reader.at(sound, times)
    monkeypatch.setattr("cleartract.sound.inversion._PIECE", 2)
    np.testing.assert_allclose(reader.at(sound, times), whole, atol=0.05 * whole.std())


def test_inversion_reads_at_any_time():
    torch.manual_seed(0)
    reader = ArticulatoryInversion(AudioConfig(encoder="gru", channels=8)).eval()
    sound = np.random.default_rng(0).normal(size=16_000).astype(np.float32)
    found = reader.at(sound, np.array([0.005, 0.015, 0.025, 5.0]))
    assert found.shape == (4, PARAMETERS)
    np.testing.assert_allclose(found[1], (found[0] + found[2]) / 2, atol=1e-5)  # between tokens
    values = torch.randn(3, PARAMETERS)
    reader.mean += 2.0
    reader.deviation *= 3.0
    torch.testing.assert_close(reader.standard(reader.physical(values)), values)


def test_training_with_a_speech_model(speech_folder, corpus, tiny_config, tmp_path):
    from cleartract.cli import main
    from cleartract.model.weights import load_model
    from cleartract.training.config import TrainingConfig

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
