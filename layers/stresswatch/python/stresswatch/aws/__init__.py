"""What code that talks to AWS shares: addresses, settings, accepted names, errors without posts."""
