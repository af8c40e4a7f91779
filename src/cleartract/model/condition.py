"""What the model is told about a batch of windows."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Condition:
    """What is known about a batch of windows.

    Attributes:
        noisy: Noisy frames in normalised intensity, (batch, frame, height, width).
        given: Which of them are given, (batch, frame) bool.
        times: Frame times relative to the window's centre [s], (batch, frame).
        waveform: Sound at 16 kHz, (batch, sample), or None.
        waveform_start: Time of its first sample [s], (batch,), or None.
        hidden: Hidden states of a frozen speech model, instead of it, (batch, token, state).
        hidden_start: Time of the first of them [s], (batch,).
        heard: Windows whose sound is used, (batch,) bool; all by default.
        masked: From when to when the sound is hidden all the same, (batch, 2) [s] relative to the
            window's centre; nothing by default.
        mean: Mean frame of the recording, (batch, height, width), or None.
        mean_known: Windows for which that is known, (batch,) bool; all by default.
        acoustic: Frames predicted from the sound, like `noisy`, or None; needs `mean`.
    """

    noisy: Tensor
    given: Tensor
    times: Tensor
    waveform: Tensor | None = None
    waveform_start: Tensor | None = None
    hidden: Tensor | None = None
    hidden_start: Tensor | None = None
    heard: Tensor | None = None
    masked: Tensor | None = None
    mean: Tensor | None = None
    mean_known: Tensor | None = None
    acoustic: Tensor | None = None

    def without_audio(self) -> Condition:
        """The same windows with their sound dropped."""
        kept = dict(mean=self.mean, mean_known=self.mean_known)
        return Condition(self.noisy, self.given, self.times, **kept)

    def told(self) -> tuple[Tensor, Tensor] | None:
        """Frames predicted from the sound, else mean frames, and which they are: 1, 0.5 or 0."""
        if self.mean is None:
            return None
        frames = self.mean[:, None].expand_as(self.noisy)
        known = torch.ones(len(self.noisy), dtype=torch.bool, device=self.noisy.device)
        if self.mean_known is not None:
            known = self.mean_known
        kind = 0.5 * known.to(self.noisy)
        if self.acoustic is not None:
            heard = known if self.heard is None else known & self.heard
            frames = torch.where(heard[:, None, None, None], self.acoustic, frames)
            kind = kind + 0.5 * heard
        return frames, kind
