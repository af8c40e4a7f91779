"""Experimental: fit weights to noisy recordings that have no clean version."""
