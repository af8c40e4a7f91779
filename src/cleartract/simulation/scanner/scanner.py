"""Acquire moving objects with a multi-coil spiral, and the clean truth at the same resolution."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import scipy.fft

from cleartract.reconstruction.operators import NonuniformFourier
from cleartract.simulation.scanner.scan_session import ScanSession
from cleartract.simulation.scanner.trajectories import Protocol, arm_points, density_compensation

_SEGMENTS = 4  # time segments of the off-resonance model


class Scanner:
    """Multi-coil spiral acquisition of one scan session."""

    def __init__(self, protocol: Protocol, scan_session: ScanSession):
        self.protocol, self.scan_session = protocol, scan_session
        self._operators: dict[Hashable, NonuniformFourier] = {}
        self._time_weights, self._modulations = self._off_resonance_segments()

    def _off_resonance_segments(self) -> tuple[np.ndarray, np.ndarray]:
        """Least-squares time segmentation (Sutton et al. 2003, IEEE TMI 22:178)."""
        field, readout = self.scan_session.off_resonance, self.protocol.readout
        samples = np.linspace(0, readout, self.protocol.samples)
        nodes = np.linspace(0, readout, _SEGMENTS)
        bins = np.linspace(field.min(), field.max(), 64)
        basis = np.exp(2j * np.pi * np.outer(bins, nodes))
        target = np.exp(2j * np.pi * np.outer(bins, samples))
        weights = np.linalg.lstsq(basis, target, rcond=None)[0]
        modulation = np.exp(2j * np.pi * field * nodes[:, None, None])
        return weights.astype(np.complex64), modulation.astype(np.complex64)

    def _operator(self, arms: range) -> NonuniformFourier:
        key = tuple(self.protocol.angle(a) for a in arms)
        if key not in self._operators:
            if len(self._operators) > 64:  # golden angles never come back
                self._operators.clear()
            points = arm_points(self.protocol, arms, self.scan_session.delay) / 2
            coils, grid = self.scan_session.maps.shape[:2]
            self._operators[key] = NonuniformFourier(points, grid, coils)
        return self._operators[key]

    def acquire_state(self, state: int, image: np.ndarray) -> np.ndarray:
        """Noise-free samples of the interleaves played during one state of the object.

        Args:
            state: Index of the state in time.
            image: Object, (2N, 2N), real.

        Returns:
            (coil, arm, sample) complex64.
        """
        return self._acquire(self.protocol.arms_of_state(state), image)

    def acquire_fully(self, image: np.ndarray) -> np.ndarray:
        """Noise-free samples of all interleaves, as if the object held still for them.

        Args:
            image: Object, (2N, 2N), real.

        Returns:
            (coil, interleaf, sample) complex64; with the golden angle, interleaves as close
            together as they come.
        """
        return self._acquire(range(self.protocol.interleaves), image)

    def _acquire(self, arms: range, image: np.ndarray) -> np.ndarray:
        operator = self._operator(arms)
        weighted = self.scan_session.maps * (image * self.scan_session.phase) / 4
        total = np.zeros((len(weighted), len(arms) * self.protocol.samples), np.complex64)
        for weights, modulation in zip(self._time_weights, self._modulations, strict=True):
            total += np.tile(weights, len(arms)) * operator.forward(weighted * modulation)
        return total.reshape(len(weighted), len(arms), self.protocol.samples)

    def noise_scale(self) -> float:
        """Noise of a fully sampled frame's real part per unit of k-space noise."""
        weights = density_compensation(self.protocol)
        return float(np.sqrt(self.protocol.interleaves * (weights**2).sum()))

    def truth(self, image: np.ndarray) -> np.ndarray:
        """Clean frame: object times coil sensitivity, band-limited to the frame's resolution.

        Args:
            image: Object, (2N, 2N), real.

        Returns:
            (N, N) float32, not negative. The pass band is the disc that the spiral covers, with
            a taper over its outer quarter so that the truth has no truncation ringing.
        """
        n = self.protocol.size
        spectrum = scipy.fft.fftshift(scipy.fft.fft2(image * self.scan_session.sensitivity))
        low = spectrum[n // 2 : n // 2 + n, n // 2 : n // 2 + n]
        y, x = np.mgrid[-(n // 2) : n - n // 2, -(n // 2) : n - n // 2]
        radius = np.sqrt(x**2 + y**2) / (n / 2)
        taper = 0.5 + 0.5 * np.cos(np.clip(radius - 0.75, 0, 0.25) * 2 * np.pi) ** 2
        clean = scipy.fft.ifft2(scipy.fft.ifftshift(low * (taper * (radius <= 1)))).real / 4
        return np.maximum(clean, 0).astype(np.float32)
