"""The player: recordings frame by frame beside their sound, in a browser on the same machine."""
