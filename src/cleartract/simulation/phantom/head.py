"""Tissue that does not move: brain, nasal cavity, sinus, spine, neck muscles."""

from __future__ import annotations

import cv2
import numpy as np

from cleartract.simulation.phantom.canvas import (
    CIRCLE,
    SIGNAL_ONE,
    SUPERSAMPLING,
    Canvas,
    smooth_curve,
    texture,
)
from cleartract.simulation.phantom.speaker import Speaker

_BOTTOM = -13.6  # [cm], below the field of view


def paint_head(speaker: Speaker, palate_y: float) -> np.ndarray:
    """Paint the static head on which every frame is drawn.

    Args:
        speaker: Speaker to paint.
        palate_y: Height of the hard palate [cm].

    Returns:
        Image, uint8, four times supersampled.
    """
    canvas = Canvas(speaker, speaker.tissue["base"])
    _brain(canvas)
    nasal = _nasal_cavity(canvas, palate_y)
    _spine(canvas)
    _neck(canvas)
    rng = np.random.default_rng([speaker.seed, 2])
    mottled = cv2.resize(texture(rng, (1.2, 2.5), (0.18, 0.12)), nasal.shape[::-1])
    soft = cv2.GaussianBlur(canvas.image, (0, 0), SUPERSAMPLING * 0.5).astype(np.float32)
    soft *= 1 + mottled * cv2.GaussianBlur(nasal, (0, 0), 3)
    return np.clip(soft, 0, 255).astype(np.uint8)


def _brain(canvas: Canvas) -> None:
    tissue = canvas.speaker.tissue
    base = [[2.5, 5.9], [0.5, 5.6], [-0.6, 5.9], [-2.2, 5.6], [-3.2, 4.6], [-4.3, 2.6]]
    back = [[-5.0, 1.0], [-6.2, 0.2], [-8.2, 1.2], [-10, 1.0], [-14, 2], [-14, 9]]
    canvas.fill([[3.9, 9], [4.1, 6.9], *base, *back], tissue["brain"])
    canvas.line([[4.1, 6.9], *base, [-4.7, 1.6]], tissue["cortex"] + 0.05, 0.24)
    clivus = [[-1.9, 5.3], [-2.9, 4.4], [-4.0, 2.5], [-4.2, 1.3], [-3.5, 1.7], [-2.7, 3.2]]
    canvas.fill([*clivus, [-1.6, 3.6]], tissue["vertebra"] * 1.15)


def _nasal_cavity(canvas: Canvas, palate_y: float) -> np.ndarray:
    """Paint it and return its mask, float32 in [0, 1]."""
    speaker, tissue, shape = canvas.speaker, canvas.speaker.tissue, canvas.speaker.shape
    tip = 6.45 + shape["nose_length"]
    cavity = [[tip - 0.9, 1.9], [tip - 0.7, 2.9], [4.4, 5.0], [3.0, 5.4], [0.8, 5.1], [-0.4, 4.0]]
    cavity += [[-0.5, 2.6], [0.2, palate_y + 0.75], [2.8, palate_y + 0.6], [5.0, 1.75]]
    mask = Canvas(speaker)
    canvas.fill(cavity, tissue["nasal"])
    mask.fill(cavity, 1.0)
    for k, height in enumerate((0.5, 1.25, 2.1)):  # turbinates: broken, uneven streaks
        start = [[5.7 - 0.35 * k, 1.95 + height * 0.75], [4.0, 2.4 + height]]
        streak = smooth_curve(
            [*start, [1.8, 2.3 + height * 1.02], [-0.2, 2.1 + height * 0.8]], 3, False
        )
        for j in range(0, len(streak) - 3, 2):
            width = 0.08 + 0.16 * abs(np.sin(j * 0.7 + k * 2 + speaker.warp_phase[0, 0]))
            wave = abs(np.cos(j * 0.33 + speaker.warp_phase[1, 1] + k))
            signal = tissue["nasal"] * (1 - 0.75 * speaker.turbinates[k] * wave)
            canvas.line(streak[j : j + 3], signal, width, 0)
    a, b = shape["sinus_a"], shape["sinus_b"]
    radius = a * CIRCLE[:, 0] * (1 + 0.3 * CIRCLE[:, 0] * CIRCLE[:, 1])
    outline = np.stack([shape["sinus_x"] + radius, shape["sinus_y"] + b * CIRCLE[:, 1]], 1)
    canvas.fill(outline, tissue["sinus"])
    return mask.image.astype(np.float32) / SIGNAL_ONE


def _column(front, back, step: float = 1.0) -> np.ndarray:
    """Closed vertical band between two curves x(y), from high to low and back."""
    down = np.arange(2.4, _BOTTOM, -step)
    return np.array([[front(y), y] for y in down] + [[back(y), y] for y in down[::-1]])


def _spine(canvas: Canvas) -> None:
    speaker, tissue, shape = canvas.speaker, canvas.speaker.tissue, canvas.speaker.shape
    depth, wall = shape["vertebra_depth"], speaker.pharynx_wall

    def front(y: float) -> float:
        return wall(y) - shape["prevertebral_width"] * (1 + 0.25 * (y < -4.5))

    canvas.fill(_column(lambda y: wall(y) + 0.6, front), tissue["prevertebral"], 1)
    canvas.fill(
        _column(lambda y: front(y) - 0.05, lambda y: front(y) - 0.3 - depth), tissue["disc"], 1
    )
    top, index = 1.0 + shape["vertebra_start"], 0
    while top > _BOTTOM:
        height = (
            shape["vertebra_height"] * (0.62, 1.45)[index]
            if index < 2
            else (shape["vertebra_height"] * 0.95)
        )
        x = front(top - height / 2) - 0.12
        width = depth * (0.55 if index == 0 else 1.0)
        high, low = top - 0.12, top - height + 0.1
        middle = (high + low) / 2
        body = [[x, high], [x - 0.05, middle], [x, low], [x - width, low + 0.06]]
        body += [[x - width + 0.08, middle], [x - width, high + 0.06]]
        canvas.fill(body, tissue["vertebra"], 1)
        top, index = top - height, index + 1
    canal, rear = (lambda y: front(y) - 0.5 - depth), (lambda y: front(y) - 2.0 - depth)
    canvas.fill(_column(canal, rear), tissue["csf"], 1)
    canal, rear = (lambda y: front(y) - 0.85 - depth), (lambda y: front(y) - 1.7 - depth)
    canvas.fill(_column(canal, rear), tissue["cord"], 1)


def _neck(canvas: Canvas) -> None:
    tissue = canvas.speaker.tissue
    occiput = [[-6.4, -0.2], [-8.5, 0.6], [-10, 0.4], [-14, 1.2]]
    canvas.line(occiput, tissue["cortex"] + 0.08, 0.2)
    for k in range(4):
        muscle = [[-7.6 - 0.5 * k, -0.6 - 0.4 * k], [-8.0 - 0.25 * k, -5], [-7.9 - 0.2 * k, -13]]
        canvas.line(muscle, tissue["base"] * (1.5 if k % 2 else 0.8), 0.25)
