"""The commands: each parses what it is given, calls the part that does it, and prints."""
