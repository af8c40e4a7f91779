"""Recordings: frames with sound, reading and writing, windows, data sets."""
