"""How recordings are denoised, and how frames are made from sound."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from cleartract.errors import UsageError, wrong_field
from cleartract.types import exact_rate


class DenoiseSettings(BaseModel):
    """How a recording is denoised.

    Attributes:
        window_duration: [frames] if an int, else [s].
        step_duration: From one window to the next, [frames] if an int, else [s].
        blend: Weights of the overlap-add: `hann`, `triangular` or `uniform`.
        sampler: `ddpm`, `ddim`, `heun` or `dpmpp_2m`; all the same for one step.
        steps: Network evaluations; 1 gives the posterior mean, more give texture.
        guidance: Weight of the audio; 1 is the model as trained.
        samples: Independent samples to average; their spread is the uncertainty.
        seed: Seed of the diffusion noise, keyed to the absolute frame.
        batch: Windows denoised together.
        use_audio: Whether the sound is given to the model.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    window_duration: int | float = Field(16, gt=0)
    step_duration: int | float = Field(10, gt=0)
    blend: Literal["hann", "triangular", "uniform"] = "hann"
    sampler: Literal["ddpm", "ddim", "heun", "dpmpp_2m"] = "heun"
    steps: int = Field(1, ge=1, le=1000)
    guidance: float = Field(1.0, allow_inf_nan=False)
    samples: int = Field(1, ge=1, le=1000)
    seed: int = Field(0, ge=0)
    batch: int = Field(2, ge=1)
    use_audio: bool = True


class GenerateSettings(DenoiseSettings):
    """How frames are made from sound.

    Attributes:
        rate: Frames per second, a number or a fraction.
        size: Pixels along each side; that of the reference where there is one.
    """

    rate: str = "65040/781"
    size: int = Field(84, ge=16, le=512)

    @field_validator("rate")
    @classmethod
    def _possible(cls, value: str) -> str:
        try:
            rate = exact_rate(value)
        except (ValueError, ZeroDivisionError) as error:
            raise ValueError(
                f"{value!r} is no frame rate; give one such as 83.28 or 65040/781"
            ) from error
        if not 1 <= rate <= 1000:
            raise ValueError(f"must lie between 1 and 1000 frames a second, not {value}")
        return value


def checked_settings(values: dict[str, Any]) -> DenoiseSettings:
    """Settings from keywords, with one line for what is wrong.

    Raises:
        UsageError: If a value is out of range or unknown.
    """
    try:
        settings = DenoiseSettings(**values)
    except ValidationError as error:
        raise UsageError(wrong_field(error)) from error
    if settings.samples > 1 and settings.steps == 1:
        raise UsageError(
            "samples: with one step all samples are alike; give --steps 2 or more (8 or more is better)"
        )
    return settings
