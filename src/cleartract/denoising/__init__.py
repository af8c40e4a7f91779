"""Denoise and generate: survey, prepared recording, window loop."""
