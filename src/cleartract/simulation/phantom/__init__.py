"""Speaking phantoms: clean midsagittal frames and sound from one motor trajectory."""
