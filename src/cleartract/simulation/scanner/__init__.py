"""Spiral MRI: trajectories, coils, encoding operators, reconstruction, degradation."""
