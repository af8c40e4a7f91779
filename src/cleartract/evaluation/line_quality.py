"""Whether a grid line crosses air between tissue: how far its constriction degree can be trusted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from cleartract.evaluation.grid_lines import SPACING, GridLine, sample_line

SURE = 0.5  # confidence below which a line is not scored
_CONTRAST = 4.0  # of air to tissue over the noise along a line, below which no edge is seen
_NOTHING = 0.05  # of the brightness of the recording: less is no difference
_OPEN = 0.02  # share of the frames that must show air
_DARK = 0.35  # of the way from air to tissue: darker is air
_FAINT = 0.15  # of the way from air to tissue: a wall must be as bright
_END = 3.0  # [mm] at both ends that must be tissue
_SAME = 3.0  # [mm] within which a wall is at the same place as in most frames
_BLUR = 0.7  # [mm] along a line


@dataclass(frozen=True)
class LineQuality:
    """Of one grid line on one recording.

    Attributes:
        confidence: Share of the frames in which both edges between air and tissue are seen, or
            the line is closed, times the share of open frames whose wall is where it mostly is.
        contrast: Difference of tissue and air over the noise.
        open_share: Share of the frames that show air between tissue.
        reason: Why the line is not scored; empty where it is.
    """

    confidence: float
    contrast: float
    open_share: float
    reason: str = ""

    @property
    def scored(self) -> bool:
        """Whether constriction degrees on this line mean something."""
        return not self.reason


def line_quality(frames: np.ndarray, line: GridLine, pixel_size: float) -> LineQuality:
    """Look for air between tissue along a line.

    Args:
        frames: (frame, height, width), any intensity scale.
        line: Grid line.
        pixel_size: [mm].
    """
    spacing = SPACING * pixel_size
    profile = sample_line(frames, _extended(line), pixel_size)
    profile = gaussian_filter1d(profile, _BLUR / spacing, axis=1)
    air, tissue = (float(v) for v in np.percentile(profile, (2, 80)))
    contrast = (tissue - air) / max(_noise(profile), 1e-9 * max(abs(tissue), 1e-9))
    bright = float(np.ptp(np.percentile(frames[:: max(1, len(frames) // 20)], (1, 99.5))))
    if contrast < _CONTRAST or tissue - air <= _NOTHING * bright:
        return LineQuality(0.0, contrast, 0.0, "air and tissue do not differ beyond the noise")
    near = max(1, round(_END / spacing))
    wall = float(np.median(profile[:, : 2 * near].max(1)))  # may be dimmer than the tongue
    inside = float(np.median(profile[:, -near:].max(1)))
    levels = [air + (min(end, tissue) - air) / 2 for end in (wall, inside)]
    for end, name in ((wall, "its start"), (inside, "its end")):
        if (end - air) < max(_CONTRAST * (tissue - air) / contrast, _FAINT * (tissue - air)):
            return LineQuality(0.0, contrast, 0.0, f"no tissue at {name}")
    dark = profile < air + _DARK * (min(wall, inside, tissue) - air)
    dark[:, :near] = False  # what lies in the wall, such as bone, is not the airway
    has_air = dark.any(1)
    deepest = near + profile[:, near:].argmin(1)
    places = np.arange(profile.shape[1])
    before = (profile > levels[0]) & (places < deepest[:, None])
    behind = (profile > levels[1]) & (places > deepest[:, None])
    both = has_air & before.any(1) & behind.any(1)
    share = float(both.mean())
    if share < _OPEN:
        return LineQuality(0.0, contrast, share, "no air between tissue")
    seen = float((both | ~has_air).mean())
    edge = np.where(before, places, 0).max(1)[both] * spacing
    steady = float((np.abs(edge - np.median(edge)) <= _SAME).mean())
    confidence = seen * steady
    reason = ""
    if confidence < SURE:
        reason = f"edges in only {100 * confidence:.0f} % of the frames"
    return LineQuality(confidence, contrast, share, reason)


def _extended(line: GridLine) -> GridLine:
    """From a little deeper in the wall, on whose border a line may begin."""
    start, end = np.array(line.start), np.array(line.end)
    x, y = start - _END * (end - start) / max(line.length, 1e-9)
    return GridLine(line.name, (float(x), float(y)), line.end)


def _noise(profile: np.ndarray) -> float:
    """Standard deviation of what changes from frame to frame and back."""
    if len(profile) < 3:
        return 0.0
    bent = np.diff(profile, 2, axis=0)
    return float(np.median(np.abs(bent)) / 0.6745 / np.sqrt(6))
