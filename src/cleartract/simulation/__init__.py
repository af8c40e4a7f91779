"""Simulated recordings with a known clean truth."""
