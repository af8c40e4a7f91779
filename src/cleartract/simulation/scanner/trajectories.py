"""Protocols and spiral trajectories of real-time MRI of speech."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

BIT_REVERSED = (0, 8, 4, 12, 2, 10, 6, 1, 9, 5, 3, 11, 7)
"""Order in which 13 interleaves are played (Lim et al. 2021, Sci Data 8:187)."""
GOLDEN_ANGLE = np.deg2rad(222.4969)  # [rad], Winkelmann et al. 2007, IEEE TMI 26:68


@dataclass(frozen=True)
class Protocol:
    """A spiral real-time protocol.

    Attributes:
        name: Name in corpora and tables.
        size: Pixels along each side of the square frame.
        repetition_time: TR, time from one interleaf to the next [s], exact.
        arms_per_frame: New interleaves per frame.
        states_per_frame: Positions of the moving object simulated within one frame.
        interleaves: Interleaves that together sample k-space fully.
        samples: Samples along one interleaf.
        readout: Length of one interleaf [s].
        golden: Golden-angle instead of bit-reversed order of the interleaves.
        regularised: Whether CG-SENSE is reconstructed beside view sharing.
    """

    name: str
    size: int
    repetition_time: Fraction
    arms_per_frame: int
    states_per_frame: int = 1
    interleaves: int = 13
    samples: int = 630
    readout: float = 2.5e-3
    golden: bool = False
    regularised: bool = True

    @property
    def rate(self) -> Fraction:
        """Frames per second, exact."""
        return 1 / (self.repetition_time * self.arms_per_frame)

    def angle(self, arm: int) -> float:
        """Rotation of the `arm`-th interleaf played [rad]."""
        if self.golden:
            return float(arm * GOLDEN_ANGLE % (2 * np.pi))
        order = arm % self.interleaves
        if self.interleaves == len(BIT_REVERSED):
            order = BIT_REVERSED[order]
        return 2 * np.pi * order / self.interleaves

    def arms_of_state(self, state: int) -> range:
        """Interleaves played while the object holds one position."""
        frame, part = divmod(state, self.states_per_frame)
        arms = np.array_split(np.arange(self.arms_per_frame), self.states_per_frame)[part]
        first = frame * self.arms_per_frame
        return range(first + int(arms[0]), first + int(arms[-1]) + 1)

    def weights(self) -> np.ndarray:
        """See `Sampling.weights`."""
        return density_compensation(self)

    def points(self, arms: range) -> np.ndarray:
        """See `Sampling.points`."""
        return arm_points(self, arms)

    def key(self, arms: range) -> Hashable:
        """See `Sampling.key`."""
        return tuple(self.angle(arm) for arm in arms)


USC75 = Protocol("usc75", 84, Fraction(6004, 1_000_000), 2)
TIMIT = Protocol(
    "timit", 68, Fraction(50, 1159 * 7), 7, states_per_frame=2, samples=500, regularised=False
)


def spiral_arm(protocol: Protocol, delay: float = 0.0) -> np.ndarray:
    r"""One interleaf of a variable-speed Archimedean spiral, unrotated.

    .. math:: k(\tau) = \pi \tau e^{2 i \pi \tau N / (2 n)}, \quad \tau = s^{0.62}

    Args:
        protocol: Gives the matrix size N and the number n of interleaves.
        delay: Gradient delay [samples]: the scanner plays the trajectory late by this much.

    Returns:
        Complex k-space positions kx + i ky [rad/pixel], (sample,), |k| <= pi.
    """
    position = np.linspace(0, 1, protocol.samples) - delay / (protocol.samples - 1)
    tau = np.clip(position, 0, 1) ** 0.62
    return np.pi * tau * np.exp(2j * np.pi * protocol.size / 2 / protocol.interleaves * tau)


def density_compensation(protocol: Protocol) -> np.ndarray:
    """Area of k-space that belongs to each sample of one interleaf, (sample,).

    In units of the whole k-space square, so that all interleaves together weigh the area pi/4 of
    the disc they cover: the adjoint with these weights is then a reconstruction with unit gain.
    """
    radius = np.abs(spiral_arm(protocol))
    area = np.gradient(radius) * radius
    area[0] = area[1] * 0.25
    return (np.pi / 4 * area / area.sum() / protocol.interleaves).astype(np.float32)


def arm_points(protocol: Protocol, arms: range, delay: float = 0.0) -> np.ndarray:
    """k-space positions of some interleaves one after the other, complex [rad/pixel]."""
    arm = spiral_arm(protocol, delay)
    return np.concatenate([arm * np.exp(1j * protocol.angle(a)) for a in arms])
