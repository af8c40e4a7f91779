"""Settings of a simulated corpus. Imports no numerical library, so that help is shown at once."""

from __future__ import annotations

from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    field_validator,
    model_validator,
)

from cleartract.errors import UsageError, wrong_field

_OF_SPEECH = {"speakers", "minutes", "seed", "seconds", "sound_only"}


class CorpusSettings(BaseModel):
    """What is simulated. The same settings give the same bytes.

    Raises:
        UsageError: If a setting is out of its range.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    speakers: int = Field(8, ge=1, description="Number of random speakers.")
    minutes: float = Field(4.0, gt=0, lt=1e6, description="Total length [min].")
    seed: int = Field(1, ge=0, description="Seed; the same seed gives the same bytes.")
    seconds: float = Field(
        3.0, ge=0.5, le=600, description="Least length of one recording [s], 0.5 to 600."
    )
    coils: int = Field(4, ge=2, le=8, description="Receive coils, 2 to 8.")
    timit_share: float = Field(
        0.3,
        ge=0,
        le=1,
        description=(
            "Share of recordings with the 68x68, 23.18 fps protocol; the others are 84x84, 83.28 fps."
        ),
    )
    golden: bool = Field(
        False, description="Golden-angle order of the interleaves instead of bit-reversed."
    )
    noise: tuple[float, float] = Field(
        (0.01, 0.05),
        description=(
            "Least and greatest noise level, if fully sampled, relative to the brightest tissue "
            "(99.5th percentile of the clean frames)."
        ),
    )
    sound_only: bool = Field(
        False,
        description=(
            "Sound and motor trajectories without frames: more speech for `train --speech`."
        ),
    )

    @field_validator("noise")
    @classmethod
    def _ordered(cls, value: tuple[float, float]) -> tuple[float, float]:
        low, high = value
        if not 0 < low <= high <= 1:
            raise ValueError(
                f"should be above 0, at most 1, the lesser first, not {low:g} {high:g}"
            )
        return value

    @model_validator(mode="wrap")
    @classmethod
    def _in_one_line(cls, data: Any, handler: ModelWrapValidatorHandler[CorpusSettings]) -> Any:
        try:
            return handler(data)
        except ValidationError as error:
            raise UsageError(wrong_field(error)) from error

    def gives_the_same_as(self, other: CorpusSettings) -> bool:
        """Whether both give the same files: without frames, the scanner does not matter."""
        return self._used() == other._used()

    def _used(self) -> dict[str, Any]:
        return self.model_dump(include=_OF_SPEECH if self.sound_only else None)
