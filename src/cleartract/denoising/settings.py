"""How recordings are denoised, and how frames are made from sound."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from cleartract.errors import UsageError, wrong_field
from cleartract.types import exact_rate

Target = Literal["scan", "ideal"]
Quality = Literal["fast", "texture", "uncertainty"]
QUALITIES: dict[Quality, dict[str, Any]] = {
    "fast": {},
    "texture": {"sampler": "heun", "steps": 12},
    "uncertainty": {"sampler": "ddpm", "steps": 12, "samples": 8},
}
"""What `--quality` stands for: the posterior mean; one sample; the mean and spread of several."""
Settings = TypeVar("Settings", bound=BaseModel)


class DenoiseSettings(BaseModel):
    """How a recording is denoised."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    window_duration: int | float = Field(
        16, gt=0, description="Length of a window: frames if whole (16), seconds if not (0.19)."
    )
    step_duration: int | float = Field(
        12,
        gt=0,
        description="From one window to the next: frames if whole, seconds if not (2/83 s is 0.0241).",
    )
    blend: Literal["hann", "triangular", "uniform"] = Field(
        "hann", description="Weights with which overlapping windows are blended."
    )
    sampler: Literal["ddpm", "ddim", "heun", "dpmpp_2m"] = Field(
        "heun", description="Sampler; with one step they are all the same."
    )
    steps: int = Field(
        1,
        ge=1,
        le=1000,
        description="Network evaluations: 1 gives the posterior mean, 10 to 30 give texture.",
    )
    guidance: float = Field(
        1.0,
        ge=-100,
        le=100,
        allow_inf_nan=False,
        description="Weight of the sound; 0 ignores it, above 1 exaggerates it.",
    )
    samples: int = Field(
        1,
        ge=1,
        le=1000,
        description="Samples to average; from 2 on their spread is the uncertainty (.npz).",
    )
    seed: int = Field(
        0, ge=0, description="Seed of the diffusion noise, keyed to the absolute frame."
    )
    batch: int | None = Field(
        None,
        ge=1,
        description="Windows denoised together; by default 1 on a CPU, measured on a GPU.",
    )
    target: Target = Field(
        "scan",
        description="What is wanted: what the scanner would show with full sampling and no noise "
        "(scan), or the object itself, as far as the simulator knows what scanners do to it (ideal).",
    )
    fidelity: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Share given back of what was removed although it repeats or lasts, and "
        "so may be anatomy; by default 1, and 0 for the target ideal.",
    )
    use_audio: bool = Field(True, description="Whether the sound is given to the model.")

    @property
    def given_back(self) -> float:
        """Share given back of what repeats or lasts: artefacts that last are part of a scan."""
        if self.fidelity is None:
            return 1.0 if self.target == "scan" else 0.0
        return self.fidelity


class GenerateSettings(DenoiseSettings):
    """How frames are made from sound."""

    rate: str | None = Field(
        None,
        description="Frames per second, 83.28 or 65040/781; by default that of the reference "
        "recording, or of the video that holds the sound, or 65040/781.",
    )
    size: int | None = Field(
        None,
        ge=16,
        le=512,
        description="Pixels along each side; by default those of the reference, or 84.",
    )
    amplitude: Literal["speaker", "mean"] = Field(
        "speaker",
        description="Movement as large as that of the reference recording, or the mean of all that "
        "fits the sound, which moves less.",
    )

    @field_validator("rate", mode="before")
    @classmethod
    def _possible(cls, value: object) -> str | None:
        if value is None:
            return None
        value = str(value)  # numbers and fractions too
        try:
            rate = exact_rate(value)
        except (ValueError, ZeroDivisionError) as error:
            raise ValueError(
                f"{value!r} is no frame rate; give one such as 83.28 or 65040/781"
            ) from error
        if not 1 <= rate <= 1000:
            raise ValueError(f"must lie between 1 and 1000 frames a second, not {value}")
        return value


def with_quality(settings: DenoiseSettings, quality: Quality) -> DenoiseSettings:
    """Settings with those a quality stands for.

    Raises:
        UsageError: If one of these was chosen by itself too.
    """
    for name, value in QUALITIES[quality].items():
        chosen, default = getattr(settings, name), DenoiseSettings.model_fields[name].default
        if chosen not in (default, value):
            raise UsageError(
                f"--quality {quality} means --{name} {value}; leave out --{name} {chosen}, or --quality"
            )
    return settings.model_copy(update=QUALITIES[quality])


def settings_of(kind: type[Settings], values: dict[str, Any]) -> Settings:
    """Settings from keywords, with one line for what is wrong.

    Raises:
        UsageError: If a value is out of range or unknown.
    """
    try:
        return kind(**values)
    except ValidationError as error:
        raise UsageError(wrong_field(error)) from error


def checked_settings(values: dict[str, Any]) -> DenoiseSettings:
    """Settings of denoising from keywords; errors as `settings_of` and `checked_samples`."""
    return checked_samples(settings_of(DenoiseSettings, values))


def checked_samples(settings: DenoiseSettings) -> DenoiseSettings:
    """The same settings, if several samples can differ.

    Raises:
        UsageError: If they would be alike.
    """
    if settings.samples > 1 and settings.steps == 1:
        raise UsageError(
            "samples: with one step all samples are alike; give --steps 2 or more (8 or more is better)"
        )
    return settings
