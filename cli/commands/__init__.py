"""The commands: each parses its arguments, calls one module, and prints."""
