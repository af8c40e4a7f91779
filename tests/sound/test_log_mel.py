import numpy as np
import pytest
import torch

from cleartract.sound.log_mel import AUDIO_RATE, HOP, LogMel


@pytest.mark.parametrize("frequency", [200.0, 1000.0, 4000.0])
def test_log_mel_peaks_at_the_tone(frequency):
    front = LogMel(64)
    t = torch.arange(AUDIO_RATE) / AUDIO_RATE
    spectrum = front(torch.sin(2 * np.pi * frequency * t)[None])[0]
    assert spectrum.shape == (64, 1 + AUDIO_RATE // HOP)
    edges = np.linspace(2595 * np.log10(1 + 40 / 700), 2595 * np.log10(1 + 8000 / 700), 66)
    centres = 700 * (10 ** (edges[1:-1] / 2595) - 1)
    loudest = int(spectrum[:, 50].argmax())
    assert abs(loudest - int(np.abs(centres - frequency).argmin())) <= 1


def test_log_mel_columns_are_centred_on_their_time():
    waveform = torch.zeros(1, AUDIO_RATE)
    waveform[0, 8000] = 1
    energy = LogMel(32)(waveform)[0].sum(0)
    assert int(energy.argmax()) == 8000 // HOP
