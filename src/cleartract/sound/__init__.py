"""Sound: log-mel, encoders, speech models, articulatory inversion, sound prediction, offset."""
