"""Vocal tract and the organs that shape it: tongue, velum, palate, epiglottis, mandible."""

from __future__ import annotations

from typing import Any

import numpy as np

from cleartract.simulation.phantom.canvas import CIRCLE, Canvas, smooth_curve
from cleartract.simulation.phantom.face import Pose

_BOTTOM = -18.0  # [cm]


def paint_mouth_floor(canvas: Canvas, pose: Pose) -> None:
    """Muscles between mandible and hyoid, and the fat planes below them."""
    tissue, lower, hyoid = pose.speaker.tissue, pose.lower, pose.hyoid
    menton, submental = pose.menton, pose.speaker.shape["submental"]
    symphysis = pose.jaw([[3.4, menton + 0.75], [4.2, -4.6], [4.3, -3.0], [4.35, -2.0]])
    base = [lower[4] + (0.1, -0.1), hyoid + (-0.4, 0.75), hyoid + (0.6, 0.75)]
    muscle = np.vstack([base, symphysis, lower[15:7:-1]])
    canvas.fill(muscle, tissue["tongue"] * tissue["floor"])
    middle: Any = 0.6 * pose.jaw([[2.6, menton + 0.35 - 0.5 * submental]])
    middle = middle + 0.4 * np.array([[2.6, menton + 0.15 - 0.5 * submental]])
    plane = np.vstack([pose.jaw([[4.0, menton + 0.62]]), middle, [hyoid + (0.5, 0.5)]])
    canvas.line(plane, tissue["fat"] * 0.95, 0.26)
    middle = [[2.4, -4.75 + 0.2 * (pose.parameter("HY") + 4.7)], hyoid + (-0.1, 1.15)]
    plane = np.vstack([pose.jaw([[3.9, menton + 1.15]]), middle])
    canvas.line(plane, tissue["fat"] * 0.8, 0.13)


def paint_airways(canvas: Canvas, pose: Pose) -> None:
    """Nasopharynx, trachea, mouth and pharynx as air; larynx and its cartilage."""
    tissue, shape = pose.speaker.tissue, pose.speaker.shape
    wall, upper, lower = pose.speaker.pharynx_wall, pose.upper.copy(), pose.lower
    upper[2] += (0.35, 0.1)
    air, rise = tissue["air"], shape["nasopharynx"]
    nasopharynx = [upper[8] + (-0.02, -0.6), [wall(1.0), 1.0], [wall(1.9) + 0.05, 1.9]]
    nasopharynx += [[-1.75, 2.65 + rise], [-0.9, 3.0 + rise], [-0.1, 2.75 + rise], [0.35, 2.2]]
    nasopharynx += [[0.2, upper[17, 1] + 0.35], [-1.0, 0.9], upper[9] + (0.1, -0.6)]
    canvas.fill(nasopharynx, air, 1)
    back, front = upper[0], lower[0]
    trachea = [back + (0.15, 0.12), front + (-0.1, 0.12), front + (-0.15, -0.8)]
    trachea += [[front[0] - 0.45 + shape["lordosis"], _BOTTOM]]
    trachea += [[back[0] - 0.55 + shape["lordosis"], _BOTTOM], back + (0.0, -0.8)]
    canvas.fill(trachea, air + 0.01, 1)
    pharynx, floor = smooth_curve(upper[:10], 1, False), smooth_curve(lower[:16], 1, False)
    lips = (upper[28:-1], lower[22:-1][::-1])
    mouth = [pharynx, upper[10:23], upper[24:27], *lips, lower[17:21][::-1], floor[::-1]]
    canvas.fill(np.vstack(mouth), air, 0)
    canvas.line([back, front], tissue["larynx"], 0.22, 0)
    cartilage = [lower[1] + (0.45, 0.3), front + (0.35, 0.4), front + (0.15, -0.9)]
    canvas.line(cartilage, tissue["hyoid"], 0.18, 1)
    strap = [lower[1] + (0.75, 0.1), front + (0.65, 0.1), front + (0.45, -1.6)]
    canvas.line(strap, tissue["neck"], 0.3, 1)


def paint_palate(canvas: Canvas, pose: Pose) -> None:
    """Hard palate with mucosa and bone, premaxilla, upper incisor and gum."""
    tissue, upper = pose.speaker.tissue, pose.upper
    thickness = pose.speaker.shape["palate_thickness"]
    palate = upper[13:23]
    normal = np.tile([[0.0, 1.0]], (len(palate), 1))
    normal[-4:] = [[0.25, 0.97], [0.5, 0.86], [0.75, 0.66], [0.9, 0.45]]
    canvas.fill(np.vstack([palate, (palate + normal * thickness)[::-1]]), tissue["mucosa"], 1)
    canvas.line((palate + normal * (thickness + 0.12))[:-2], tissue["palate_bone"], 0.2, 1)
    bone = (palate + normal * (thickness + 0.45))[:-3]
    canvas.line(bone, tissue["palate_bone"] + 0.12, 0.12, 1)
    premaxilla = [[4.75, 0.12], [5.3, 0.2], [5.45, 1.0], [5.25, 1.75], [4.2, 1.85], [4.0, 1.25]]
    canvas.fill(premaxilla, tissue["premaxilla"])
    canvas.line([[5.40, 0.1], [5.5, 0.9], [5.3, 1.55]], tissue["cortex"], 0.12)
    gum_edge = 0.55 * upper[23:24] + 0.45 * upper[24:25]
    gum = np.vstack([upper[23:24], gum_edge, [[5.1, 0.0], [5.0, 0.5], [4.6, 0.3]]])
    canvas.fill(gum, tissue["lip"] * 0.8, 0)
    incisor = np.vstack([upper[24:27], [[5.25, 0.85], [5.05, 0.8], [5.0, 0.0]]])
    canvas.fill(incisor, tissue["tooth"], 0)


def paint_velum(canvas: Canvas, pose: Pose) -> None:
    """Velum and uvula; its gap to the pharynx wall follows the velic opening (VO)."""
    tissue, upper = pose.speaker.tissue, pose.upper
    thickness = pose.speaker.shape["velum_thickness"]
    opening = max(pose.parameter("VO"), 0.0)
    gap = float(np.clip(opening * 0.95, 0, 0.95))
    contact = float(np.clip(1 - opening / 0.12, 0, 1))
    wall, edge = upper[8], upper[9]
    tip = edge + (-0.33, -0.85)
    lower_side = [upper[15] + (0, 0.05), upper[14], *upper[13:8:-1], edge + (-0.10, -0.45), tip]
    back = [edge + (-0.62, -0.35), (wall[0] + gap + 0.02, wall[1] + 0.25)]
    back += [(wall[0] + gap - 0.06 * contact, wall[1] + 0.75)]
    top = [upper[10] + (-0.42 - 0.25 * contact, 0.62), upper[11] + (-0.15, thickness)]
    top += [upper[12] + (0, thickness * 0.92), upper[13] + (0, thickness * 0.8)]
    top += [upper[14] + (0.3, thickness * 0.62)]
    canvas.fill(np.vstack([lower_side, back, top]), tissue["velum"])
    canvas.line(np.vstack([upper[14:8:-1], [tip + (0.1, 0.25)]]), tissue["mucosa"], 0.10, 1)


def tongue_mass(pose: Pose) -> np.ndarray:
    """Tongue with its root, closed polygon (point, 2) [cm]."""
    lower = pose.lower
    root = [lower[8] + (-0.2, -0.9), lower[4] + (0.25, -0.25)]
    return np.vstack([pose.tongue, lower[15:7:-1], root])


def paint_tongue(canvas: Canvas, pose: Pose) -> None:
    """Tongue body and its brighter surface."""
    signal = pose.speaker.tissue["tongue"]
    canvas.line(pose.lower[8:16], signal, 0.2, 0)  # no slit between tongue and floor
    canvas.fill(tongue_mass(pose), signal, 0)
    canvas.line(pose.tongue[4:], signal * 1.13, 0.12, 0)


def paint_epiglottis_and_hyoid(canvas: Canvas, pose: Pose) -> None:
    """Epiglottis, the fat before it, and the hyoid bone."""
    tissue, lower, hyoid = pose.speaker.tissue, pose.lower, pose.hyoid
    canvas.fill(pose.epiglottis, tissue["epiglottis"], 1)
    canvas.line(pose.epiglottis[:4], tissue["cortex"] + 0.1, 0.08, 1)
    fat = [lower[4] + (0.15, -0.2), lower[4] + (0.85, -0.45), lower[1] + (0.6, 0.5)]
    canvas.fill([*fat, lower[3] + (0.25, -0.45)], tissue["fat"] * 0.62)
    bone = np.array([min(hyoid[0] - 0.75, lower[4, 0] + 1.5), hyoid[1] + 0.95])
    canvas.fill(bone + CIRCLE * (0.34, 0.3), tissue["fat"] * 0.7, 1)
    canvas.fill(bone + CIRCLE * (0.24, 0.2), tissue["hyoid"], 1)


def paint_mandible(canvas: Canvas, pose: Pose) -> None:
    """Symphysis with cortex and marrow, lower incisor and gum, rigid with the jaw."""
    tissue, lower, shape = pose.speaker.tissue, pose.lower, pose.speaker.shape
    angle = np.deg2rad(105)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    across = shape["mandible_height"] / 2 * CIRCLE[:, 1] * (1 - 0.25 * CIRCLE[:, 0])
    ellipse = np.stack([shape["mandible_depth"] / 2 * CIRCLE[:, 0], across], 1) @ turn
    centre = np.array([4.75, -3.35])
    canvas.fill(pose.jaw(centre + ellipse), tissue["cortex"], 1)
    canvas.fill(pose.jaw(centre + ellipse * 0.66 + (-0.02, -0.1)), tissue["marrow"], 1)
    gum_edge = 0.45 * lower[17:18] + 0.55 * lower[18:19]
    gum = np.vstack([lower[17:18], gum_edge, pose.jaw([[5.02, -1.2], [4.9, -2.0], [4.5, -2.0]])])
    canvas.fill(gum, tissue["lip"] * 0.8, 0)
    root = pose.jaw([[5.05, -2.1], [4.85, -2.05], [4.92, -1.2]])
    canvas.fill(np.vstack([lower[18:21], root]), tissue["tooth"], 0)


def paint_pharynx_wall(canvas: Canvas, pose: Pose) -> None:
    """Mucosa of the posterior pharynx wall."""
    wall = pose.speaker.pharynx_wall
    top = [[wall(1.9) - 0.06, 1.9], [wall(1.0) - 0.08, 1.0]]
    points = np.vstack([top, pose.upper[8:2:-1] + (-0.08, 0)])
    canvas.line(points, pose.speaker.tissue["wall"], 0.12, 1)
