"""Training: batches, one readable loop, checkpoints, qualitative panels."""
