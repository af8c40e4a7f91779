"""Other denoisers and ours on the same recordings."""
