"""Rules that are broken on purpose, and tests that have to see it."""
