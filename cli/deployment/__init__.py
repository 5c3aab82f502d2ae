"""The deployment that a command uses, and operations on it."""
