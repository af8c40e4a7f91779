"""Folders of recordings: layouts, entries, windows for training, the simulated file."""
