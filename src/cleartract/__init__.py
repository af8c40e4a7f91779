"""ClearTract."""
