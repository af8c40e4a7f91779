"""A tiny speech model."""

import pytest
import torch


@pytest.fixture(scope="session")
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
