"""The recording that ships with the package."""
