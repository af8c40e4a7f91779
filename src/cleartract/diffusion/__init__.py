"""Diffusion: noise levels, denoiser, samplers, guidance. Knows neither MRI nor audio."""
