"""Random speakers: placement, size, warp, anatomy, tissue intensities and texture.

All lengths in the synthesizer's midsagittal frame [cm]: x forwards, y upwards, origin near the
upper end of the pharynx; the upper incisors lie near x = 5.4, the lips near x = 6.4.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

FIELD_OF_VIEW = 200.0  # [mm]
TISSUES: dict[str, tuple[float, float]] = {  # range of the signal, 1 is the brightest fat
    "base": (0.20, 0.40),
    "brain": (0.16, 0.36),
    "tongue": (0.50, 0.80),
    "floor": (0.85, 1.05),  # relative to the tongue
    "fat": (0.62, 0.95),
    "lip": (0.48, 0.75),
    "mucosa": (0.45, 0.75),
    "velum": (0.45, 0.72),
    "nasal": (0.30, 0.55),
    "palate_bone": (0.06, 0.20),
    "premaxilla": (0.40, 0.85),
    "marrow": (0.25, 0.65),
    "cortex": (0.03, 0.14),
    "tooth": (0.01, 0.06),
    "vertebra": (0.24, 0.44),
    "disc": (0.14, 0.28),
    "csf": (0.10, 0.28),
    "cord": (0.20, 0.36),
    "prevertebral": (0.18, 0.34),
    "wall": (0.35, 0.60),
    "neck": (0.28, 0.52),
    "epiglottis": (0.36, 0.60),
    "hyoid": (0.05, 0.20),
    "larynx": (0.22, 0.42),
    "air": (0.0, 0.012),
    "sinus": (0.01, 0.07),
}


@dataclass(frozen=True)
class Speaker:
    """One random speaker; the same seed gives the same speaker.

    Attributes:
        seed: Seed of all parameters.
        tract_size: Size of the vocal tract relative to the synthesizer's adult male, 0.85 to 1.
        pitch: Mean fundamental frequency [Hz].
        tissue: Signal of each tissue, 1 is bright fat.
        shape: Anatomical parameters [cm] unless named otherwise.
        warp_frequency: Wave vectors of the smooth random deformation, (6, 2) [rad/cm].
        warp_phase: Its phases, (6, 2) [rad].
        warp_amplitude: Its amplitudes, (6, 2) [cm].
        turbinates: Unevenness of the nasal turbinates, (4,).
    """

    seed: int
    tract_size: float
    pitch: float
    tissue: dict[str, float]
    shape: dict[str, float]
    warp_frequency: np.ndarray = field(repr=False)
    warp_phase: np.ndarray = field(repr=False)
    warp_amplitude: np.ndarray = field(repr=False)
    turbinates: np.ndarray = field(repr=False)

    @classmethod
    def random(cls, seed: int) -> Speaker:
        """Draw a speaker."""
        rng = np.random.default_rng([seed, 1])
        draw = rng.uniform
        large = rng.random() < 0.5
        tract_size = draw(0.95, 1.0) if large else draw(0.85, 0.93)
        pitch = draw(90, 135) if large else draw(165, 230)
        shape = {
            "lip_column": draw(26, 54),  # [mm] from the left border of the field of view
            "palate_row": draw(46, 66),  # [mm] from the upper border
            "rotation": float(np.deg2rad(draw(-9, 9))),  # [rad]
            "size_x": draw(0.92, 1.06) * (1 - 0.6 * (1 - tract_size)),
            "size_y": draw(0.90, 1.06) * (1 - 0.6 * (1 - tract_size)),
            "nose_length": draw(0.4, 1.15),
            "nose_height": draw(2.2, 3.0),
            "nasion_x": draw(3.9, 5.0),
            "nasion_y": draw(5.4, 6.4),
            "chin_x": draw(-0.5, 0.2),
            "chin_y": draw(-4.6, -3.9),
            "menton_y": draw(-6.1, -5.3),
            "submental": draw(0.0, 0.9),
            "neck_x": draw(0.0, 1.7),
            "neck_slope": draw(-0.10, 0.02),
            "fat_width": draw(0.25, 0.5),
            "lip_thickness": draw(-0.05, 0.25),
            "palate_thickness": draw(0.22, 0.34),
            "velum_thickness": draw(0.55, 0.8),
            "nasopharynx": draw(-0.25, 0.2),
            "sinus_x": draw(-2.1, -1.1),
            "sinus_y": draw(3.9, 4.7),
            "sinus_a": draw(0.75, 1.25),
            "sinus_b": draw(0.5, 0.95),
            "vertebra_start": draw(-0.9, 0.2),
            "vertebra_height": draw(1.35, 1.6),
            "vertebra_depth": draw(1.35, 1.65),
            "prevertebral_width": draw(0.55, 0.85),
            "lordosis": draw(-0.05, 0.12),
            "mandible_height": draw(1.25, 1.6),
            "mandible_depth": draw(2.9, 3.6),
        }
        tissue = {name: draw(*limits) for name, limits in TISSUES.items()}
        return cls(
            seed=seed,
            tract_size=tract_size,
            pitch=pitch,
            tissue=tissue,
            shape=shape,
            warp_frequency=rng.normal(0, 0.33, (6, 2)),
            warp_phase=rng.uniform(0, 2 * np.pi, (6, 2)),
            warp_amplitude=rng.normal(0, 0.13, (6, 2)),
            turbinates=draw(0.3, 1.0, 4),
        )

    def to_image(self, points: np.ndarray) -> np.ndarray:
        """Synthesizer coordinates [cm] -> image coordinates [mm] from the upper left corner.

        The deformation is smooth and the same for every point, so surfaces in contact stay in contact.

        Args:
            points: (point, 2), x forwards and y upwards.

        Returns:
            (point, 2), x to the right (backwards in the head) and y downwards.
        """
        points = np.asarray(points, float)
        waves = np.sin(points @ self.warp_frequency.T + self.warp_phase[:, 0])
        shape, centre = self.shape, np.array([1.5, -1.5])
        moved = points + waves @ self.warp_amplitude
        moved = (moved - centre) * (shape["size_x"], shape["size_y"])
        cos, sin = np.cos(shape["rotation"]), np.sin(shape["rotation"])
        moved = moved @ np.array([[cos, -sin], [sin, cos]]).T + centre
        x = shape["lip_column"] + 10 * (6.6 - moved[:, 0])
        y = shape["palate_row"] + 10 * (1.6 - moved[:, 1])
        return np.stack([x, y], axis=1)

    def pharynx_wall(self, y: float) -> float:
        """x of the posterior pharynx wall at height `y` [cm]."""
        low = -3.9 + self.shape["lordosis"] * 6
        return float(np.interp(y, [-13, -6, -4.5, 0.1, 2.2], [low, -3.15, -2.98, -2.53, -2.15]))

    def with_jaw(self, points: ArrayLike, angle: float, shift: float) -> np.ndarray:
        """Points rigidly attached to the mandible, moved by its angle [deg] and shift [cm]."""
        hinge = np.array([-6.5, 2.0])
        turn = np.deg2rad(angle)
        rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        return (np.asarray(points, float) - hinge) @ rotation.T + hinge + np.array([shift, 0.0])
