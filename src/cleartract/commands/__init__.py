"""Commands of the command line, one dataclass each; heavy imports wait until a command runs."""
