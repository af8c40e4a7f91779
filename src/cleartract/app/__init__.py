"""A page on which recordings are chosen, denoised one after another, and looked at."""
