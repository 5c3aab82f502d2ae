"""The deployment that a command works on, and what it does with it."""
