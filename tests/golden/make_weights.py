"""Make the golden file of the present weights format: python -m tests.golden.make_weights."""

from pathlib import Path

import numpy as np
import torch

from cleartract.model.config import ModelConfig
from cleartract.model.model import Model
from cleartract.model.weights import FORMAT_VERSION, save_model
from cleartract.networks.video_unet import UNetConfig
from cleartract.sound.encoders import AudioConfig
from tests.golden.case import golden_output

FOLDER = Path(__file__).parent


def main() -> None:
    unet = UNetConfig(
        stem=4,
        widths=(8, 8),
        attention_resolutions=(4,),
        heads=2,
        embedding=8,
        token_channels=8,
        prediction=True,
        interpolation=True,
    )
    audio = AudioConfig(channels=8, mels=8)
    torch.manual_seed(0)
    config = ModelConfig(unet=unet, audio=audio, inversion=audio, default_speaker=4)
    model = Model(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
            parameter.copy_(parameter.half().float())
        model.speaker_mean.copy_(torch.rand(4, 4).half().float())
        model.speaker_modes.copy_(torch.randn(model.speaker_modes.shape).half().float())
    path = FOLDER / f"weights-format-{FORMAT_VERSION}.safetensors"
    save_model(model, path, {"note": "golden file"})
    np.save(FOLDER / f"output-format-{FORMAT_VERSION}.npy", golden_output(model))


if __name__ == "__main__":
    main()
