"""Raw data of a simulated scan, in the form of the USC 75-speaker set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cleartract.files import atomic
from cleartract.recordings.mrd_file import write_mrd
from cleartract.recordings.mrd_header import MrdHeader, header_text
from cleartract.simulation.phantom.speaker import FIELD_OF_VIEW
from cleartract.simulation.scanner.trajectories import Protocol


@dataclass(frozen=True)
class RawScan:
    """What the simulated scanner measured, noise included.

    Attributes:
        protocol: How it was measured; the gradient delay is not known to it.
        samples: (coil, arm, sample) complex64.
        maps: Coil sensitivities as the reconstruction assumes them, (coil, N, N).
        temporal: Weight of the temporal penalty with which CG-SENSE reconstructed it, or None.
        audio: Sound, (sample,).
        sample_rate: Of the sound [Hz].
    """

    protocol: Protocol
    samples: np.ndarray
    maps: np.ndarray
    temporal: float | None
    audio: np.ndarray
    sample_rate: int

    def save(self, path: Path) -> None:
        """Write an MRD file, and its sound as a .wav beside it.

        In the file y runs up, in frames it runs down: turning the axis round moves the image by one
        pixel, because its centre lies half a pixel beside the middle; a phase moves it back.

        Raises:
            OutputError: If they cannot be written.
        """
        import soundfile

        protocol, (coils, count, _) = self.protocol, self.samples.shape
        keys = [protocol.key(range(arm, arm + 1)) for arm in range(count)]
        number: dict = {}
        arms = np.array([number.setdefault(key, len(number)) for key in keys])
        firsts = [keys.index(key) for key in number]
        points = np.stack([protocol.points(range(arm, arm + 1)) for arm in firsts])
        density = np.broadcast_to(protocol.weights(), points.shape)
        positions = np.stack([points.real, -points.imag], -1) / (2 * np.pi)
        samples = self.samples * np.exp(-1j * points.imag)[arms].astype(np.complex64)
        notes = {} if self.temporal is None else {"temporal_penalty": self.temporal}
        header = MrdHeader(
            repetition_time=protocol.repetition_time,
            size=(protocol.size, protocol.size),
            field_of_view=FIELD_OF_VIEW,
            interleaves=protocol.interleaves,
            arms_per_frame=protocol.arms_per_frame,
            transient_arms=0,
            notes=notes,
        )
        with atomic(path.with_suffix(".wav")) as temporary:
            soundfile.write(temporary, self.audio, self.sample_rate, subtype="FLOAT", format="WAV")
        table = np.concatenate([positions, density[..., None]], -1).astype(np.float32)
        with atomic(path) as temporary:
            text = header_text(header, coils, len(table))
            write_mrd(temporary, text, samples, table, arms)
