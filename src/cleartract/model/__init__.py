"""The model: condition, config, denoiser with audio encoder, weight files."""
