"""File names that are read, and the only demuxer tried for each.

Forcing the demuxer keeps a text file from posing as a playlist that opens its neighbours.
"""

VIDEO_SUFFIXES = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".avi": "avi", ".mkv": "matroska"}
ARRAY_SUFFIXES = (".npz", ".npy")
SOUND_SUFFIXES = (".wav", ".flac")
OUTPUT_SUFFIXES = (".mp4", ".mov", ".avi", ".npz")
