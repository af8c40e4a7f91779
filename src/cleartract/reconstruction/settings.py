"""Settings of a reconstruction. Imports no numerical library, so that help is shown at once."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)

from cleartract.errors import UsageError, wrong_field

Method = Literal["cg", "view"]


class ReconstructionSettings(BaseModel):
    """How raw data are reconstructed.

    Raises:
        UsageError: If a setting is out of its range.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Method = Field(
        "cg",
        description="cg: CG-SENSE with a penalty on differences in time; view: gridding of the arms "
        "nearest in time (view sharing), fast and blurred in time.",
    )
    arms: int | None = Field(
        None,
        ge=1,
        le=4096,
        description="Arms that make a frame; by default the new ones (cg), or as many as sample "
        "k-space fully (view).",
    )
    step: int | None = Field(
        None,
        ge=1,
        le=4096,
        description="New arms from one frame to the next, which gives the frame rate; by default "
        "as the file says, else 2.",
    )
    interleaves: int | None = Field(
        None,
        ge=1,
        le=4096,
        description="Arms that sample k-space fully; by default as the file says, else the number "
        "of different arms.",
    )
    size: int | None = Field(
        None,
        ge=16,
        le=512,
        description="Pixels along each side of the field of view; by default as the file says.",
    )
    field: float = Field(
        1.25,
        ge=1,
        le=2,
        description="Field of view that is reconstructed, relative to the one that is kept: tissue "
        "beyond the frame then does not fold into it.",
    )
    skip: int | None = Field(
        None,
        ge=0,
        description="Frames left out at the beginning, where the signal is not steady yet; by "
        "default as the file says, else 100 (150 arms where the trajectory is a .mat file).",
    )
    temporal: float = Field(
        0.6, ge=0, le=100, description="Weight of the penalty on differences in time (cg)."
    )
    iterations: int = Field(
        6, ge=1, le=200, description="Conjugate-gradient iterations for each weighting (cg)."
    )
    reweightings: int = Field(
        1,
        ge=0,
        le=20,
        description="How often the penalty is weighted anew towards total variation (cg).",
    )
    coils: int = Field(
        8, ge=1, le=64, description="More receive coils are combined into so many virtual ones."
    )
    rotate: Literal[0, 90, 180, 270] = Field(
        0, description="Turn the frames anticlockwise by so many degrees."
    )

    @model_validator(mode="wrap")
    @classmethod
    def _in_one_line(
        cls, data: Any, handler: ModelWrapValidatorHandler[ReconstructionSettings]
    ) -> Any:
        try:
            return handler(data)
        except ValidationError as error:
            raise UsageError(wrong_field(error)) from error
