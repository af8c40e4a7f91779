"""Frames of a speaking phantom from its vocal-tract states."""

from __future__ import annotations

import cv2
import numpy as np

from cleartract.corpora.simulated import OUTLINES
from cleartract.simulation.phantom import tract as paint
from cleartract.simulation.phantom.canvas import SIGNAL_ONE, Canvas, texture
from cleartract.simulation.phantom.face import (
    Pose,
    paint_lips_and_chin,
    paint_nostril_and_outside,
    profile,
)
from cleartract.simulation.phantom.head import paint_head
from cleartract.simulation.phantom.speaker import FIELD_OF_VIEW, Speaker
from cleartract.simulation.phantom.speech import outlines


class Phantom:
    """Paints one speaker; keeps the static head and the textures between frames."""

    def __init__(self, speaker: Speaker, size: int = 168):
        """Frames will be (size, size) over a field of view of 200 mm."""
        self.speaker, self.size = speaker, size
        self._head: np.ndarray | None = None
        self._first_centre: np.ndarray | None = None
        rng = np.random.default_rng([speaker.seed, 3])
        strength = rng.uniform(0.4, 1.3)
        fixed = texture(rng, (1.3, 3.0, 9.0), (0.06, 0.06, 0.08))
        moving = texture(rng, (1.0, 2.4, 6.0), (0.06, 0.06, 0.06))
        self._fixed = strength * cv2.resize(fixed, (size, size))
        self._moving = strength * cv2.resize(moving, (size, size))

    def frame(self, tract: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Paint one vocal-tract state.

        Args:
            tract: Vocal-tract parameters, (19,).

        Returns:
            Object, (size, size) float32, 1 is bright fat; and the points of all `OUTLINES` in image
            coordinates, (point, 2) float32 [mm].
        """
        curves = outlines(tract)
        pose = Pose(self.speaker, tract, **curves)
        if self._head is None:
            self._head = paint_head(self.speaker, curves["upper"][17, 1])
        canvas = Canvas(self.speaker, self._head)
        skin = profile(pose)
        paint_lips_and_chin(canvas, pose, skin)
        paint.paint_mouth_floor(canvas, pose)
        paint.paint_airways(canvas, pose)
        paint.paint_palate(canvas, pose)
        paint.paint_velum(canvas, pose)
        paint.paint_tongue(canvas, pose)
        paint.paint_epiglottis_and_hyoid(canvas, pose)
        paint.paint_mandible(canvas, pose)
        paint.paint_pharynx_wall(canvas, pose)
        paint_nostril_and_outside(canvas, skin)
        points = np.vstack([self.speaker.to_image(curves[name]) for name in OUTLINES])
        return self._textured(canvas.image, pose), points.astype(np.float32)

    def _textured(self, image: np.ndarray, pose: Pose) -> np.ndarray:
        mass = paint.tongue_mass(pose)
        mask_canvas = Canvas(self.speaker)
        mask_canvas.fill(mass, 1.0, 0)
        picture, mask = (
            cv2.resize(part, (self.size, self.size), interpolation=cv2.INTER_AREA) / SIGNAL_ONE
            for part in (image, mask_canvas.image)
        )
        centre = self.speaker.to_image(mass.mean(0)[None])[0] * self.size / FIELD_OF_VIEW
        if self._first_centre is None:
            self._first_centre = centre
        dx, dy = centre - self._first_centre
        shift = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
        moving = cv2.warpAffine(
            self._moving, shift, (self.size, self.size), borderMode=cv2.BORDER_REFLECT
        )
        textured = picture * (1 + self._fixed * (1 - mask) + moving * mask)
        return np.maximum(textured, 0).astype(np.float32)
