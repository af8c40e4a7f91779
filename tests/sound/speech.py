"""Encoders with a tiny speech model."""

import torch

from cleartract.sound.encoders import AudioConfig, AudioEncoder
from cleartract.sound.speech_models import read_speech_config


def encoder_of(name, folder, **options):
    torch.manual_seed(1)
    speech = read_speech_config(folder) if name == "pretrained" else None
    encoder = AudioEncoder(AudioConfig(encoder=name, channels=16, speech=speech, **options)).eval()
    if name == "pretrained":
        encoder.speech.load_folder(folder)
    return encoder
