"""Profile of the face: nose, lips, chin, neck, subcutaneous fat, and the air outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cleartract.simulation.phantom.canvas import Canvas, smooth_curve
from cleartract.simulation.phantom.speaker import Speaker
from cleartract.simulation.phantom.speech import TRACT

_LIP_X = 6.45  # [cm]
_BOTTOM = -18.0  # [cm]


@dataclass(frozen=True)
class Pose:
    """One vocal-tract state with its outlines [cm].

    Attributes:
        speaker: Speaker to paint.
        tract: Vocal-tract parameters, (19,).
        upper: Outline of larynx back, pharynx, velum, palate, upper incisor, upper lip, (point, 2).
        lower: Outline of larynx front, floor of the mouth, lower incisor, lower lip, (point, 2).
        tongue: Outline of the tongue, (point, 2).
        epiglottis: Outline of the epiglottis, (point, 2).
    """

    speaker: Speaker
    tract: np.ndarray
    upper: np.ndarray
    lower: np.ndarray
    tongue: np.ndarray
    epiglottis: np.ndarray

    def parameter(self, name: str) -> float:
        """Value of a named vocal-tract parameter."""
        return float(self.tract[TRACT[name]])

    def jaw(self, points) -> np.ndarray:
        """Points that move with the mandible."""
        return self.speaker.with_jaw(points, self.parameter("JA"), self.parameter("JX"))

    @property
    def menton(self) -> float:
        """Height of the lowest point of the chin [cm]."""
        return self.speaker.shape["menton_y"]

    @property
    def hyoid(self) -> np.ndarray:
        """Skin below the hyoid: where chin and neck meet."""
        x = self.speaker.shape["neck_x"] + 0.15 * (self.parameter("HX") - 0.5)
        return np.array([x, min(-6.3, self.parameter("HY") - 1.9)])


@dataclass(frozen=True)
class Profile:
    """Skin: `upper` from forehead to upper lip, `lower` from lower lip down the neck."""

    upper: np.ndarray
    lower: np.ndarray
    nose_tip: np.ndarray


def profile(pose: Pose) -> Profile:
    """Skin contour of one frame [cm]."""
    shape = pose.speaker.shape
    upper_lip, lower_lip = pose.upper[28:], pose.lower[22:]
    front_upper, front_lower = upper_lip[-1], lower_lip[-1]
    tip = np.array([_LIP_X + shape["nose_length"], shape["nose_height"]])
    nasion = np.array([shape["nasion_x"], shape["nasion_y"]])
    nose = [(-0.5, 0.85), (-0.12, 0.42), (-0.04, 0.05), (-0.1, -0.35), (-0.4, -0.56), (-0.9, -0.62)]
    above = [[3.0, 9], nasion, 0.5 * (nasion + tip), *(tip + np.array(p) for p in nose)]
    above += [[_LIP_X - 0.55, 1.5], [0.5 * (_LIP_X - 0.25) + 0.5 * front_upper[0], 0.65]]
    above += [front_upper + (0.18 + shape["lip_thickness"], 0.42)]
    above += [front_upper + (0.24 + shape["lip_thickness"], 0.08)]
    above += [upper_lip[-2] + (0.2, -0.06), upper_lip[-3] + (0.05, -0.03), upper_lip[-4]]
    chin_x, chin_y = shape["chin_x"], shape["chin_y"]
    chin = [[_LIP_X - 0.28, chin_y + 1.75], [_LIP_X + 0.08 + chin_x, chin_y + 0.45]]
    chin += [[_LIP_X - 0.05 + chin_x, chin_y - 0.6], [_LIP_X - 0.55 + chin_x, chin_y - 1.25]]
    chin += [[_LIP_X - 1.7, pose.menton]]
    floor = pose.menton - 0.5 * shape["submental"]
    under = 0.5 * pose.jaw([[3.0, floor]])[0] + 0.5 * np.array([3.0, floor - 0.2])
    hyoid, slope = pose.hyoid, shape["neck_slope"]
    neck: list[Any] = [hyoid + (0.9, 0.05), hyoid + (0.15, -0.45)]
    neck += [[hyoid[0] - 0.05 + slope * 2, hyoid[1] - 2.5], [hyoid[0] + slope * 6, -11]]
    neck += [[hyoid[0] + slope * 7, _BOTTOM]]
    below = [lower_lip[-4], lower_lip[-3] + (0.06, 0.05), lower_lip[-2] + (0.16, 0.05)]
    below += [front_lower + (0.26, -0.05), front_lower + (0.28, -0.5), *pose.jaw(chin), under]
    below += neck
    return Profile(
        upper=smooth_curve(np.array(above), 2, closed=False),
        lower=smooth_curve(np.array(below), 2, closed=False),
        nose_tip=tip,
    )


def paint_lips_and_chin(canvas: Canvas, pose: Pose, skin: Profile) -> None:
    """Fat under the skin, bodies of both lips, chin pad."""
    tissue, width = pose.speaker.tissue, pose.speaker.shape["fat_width"]
    fat = tissue["fat"]
    upper_lip, lower_lip = pose.upper[28:], pose.lower[22:]
    canvas.line(skin.upper[6:-14] + (-width * 0.5, -0.05), fat * 0.8, width * 0.9, 0)
    inner: Any = [[5.45, 0.2], [5.2, 0.9], [5.25, 1.55], [_LIP_X - 0.9, 1.75]]
    canvas.fill(np.vstack([skin.upper[-26:], upper_lip[:-3][::-1], inner]), tissue["lip"], 0)
    front = upper_lip[-1]
    pad: list[Any] = [
        [_LIP_X - 0.55, 1.45],
        [_LIP_X - 0.35, 0.9],
        front + (-0.15, 0.5),
        front + (-0.5, 0.32),
    ]
    canvas.fill([*pad, [5.85, 0.4], [5.75, 1.2]], fat)
    inner = pose.jaw(
        [[3.2, pose.menton + 0.6], [4.3, pose.menton + 0.8], [5.1, -3.9], [5.15, -2.3]]
    )
    canvas.fill(np.vstack([lower_lip[:-3], skin.lower[2:26], inner]), tissue["lip"] * 0.9, 0)
    canvas.line(skin.lower[10:-2] + (-width * 0.25, width * 0.3), fat, width * 1.05, 0)
    pad = [[5.55, -2.7], [5.8, -3.5], [5.45, -4.4], [4.8, -4.8], [5.25, -3.5]]
    canvas.fill(pose.jaw(pad), fat)


def paint_nostril_and_outside(canvas: Canvas, skin: Profile) -> None:
    """Nostril, then air over everything outside the skin."""
    tip = skin.nose_tip
    inner: Any = [0.5 * (tip[0] - 0.95) + 2.7, 0.5 * tip[1] + 1.05]
    signal = canvas.speaker.tissue["air"] + 0.1
    canvas.line([tip + (-0.62, -0.28), tip + (-0.95, 0.0), inner], signal, 0.2)
    between = 0.5 * (skin.upper[-1] + skin.lower[0])
    corners: Any = [[25, _BOTTOM], [25, 20], [3, 20]]  # far outside, also for a rotated head
    outside = np.vstack([skin.upper, between, skin.lower, corners])
    canvas.fill(outside, 0.0, 0)
