"""Athena tables over the stack's data."""
