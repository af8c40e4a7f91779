"""Evaluation: numbers that say how good a denoised recording is."""
