"""Settings of an evaluation; light to import, so that the command line can show its help fast."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from cleartract.denoising.settings import DenoiseSettings, checked_settings

_WINDOW = DenoiseSettings.model_fields


class EvaluateSettings(BaseModel):
    """How a single recording is evaluated."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    grid_lines: Path | None = Field(
        None,
        description='JSON file of grid lines in mm: {"lips": [[x, y], [x, y]], ...}, fixed wall '
        "first; placed by anatomy by default.",
    )
    pixel_size: float | None = Field(
        None,
        gt=0,
        lt=100,
        description="Size of a pixel [mm]; by default that of a field of view of 200 mm.",
    )
    annotation: Path | None = Field(
        None,
        description="Words and phones: a .TextGrid or .eaf file; by default the one beside the "
        "recording.",
    )
    reconstruction: Literal["view_shared", "cg_sense"] | None = Field(
        None,
        description="A simulated file given as the truth stands for its scan by this reconstruction; "
        "by default for the object itself (target ideal).",
    )


class EvaluateCorpusSettings(BaseModel):
    """How a model is evaluated on a simulated corpus."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    split: Literal["train", "validation", "test", "all"] = Field(
        "test", description="Split of the corpus."
    )
    limit: int | None = Field(
        None, ge=1, description="Largest number of recordings of the corpus; all by default."
    )
    controls: bool = Field(
        False,
        description="Run the controls of the audio (corpus): null, shifted, swapped, silence, noise.",
    )
    samples: int = Field(
        0,
        ge=0,
        description="Samples for the calibration of the uncertainty (corpus), 2 or more; 0 skips it.",
    )
    window_duration: int | float = _WINDOW["window_duration"]  # type: ignore[assignment]
    step_duration: int | float = _WINDOW["step_duration"]  # type: ignore[assignment]

    def denoising(self) -> DenoiseSettings:
        """Settings with which recordings of the corpus are denoised.

        Raises:
            UsageError: If a window or step is out of range.
        """
        return checked_settings(
            {"window_duration": self.window_duration, "step_duration": self.step_duration}
        )
