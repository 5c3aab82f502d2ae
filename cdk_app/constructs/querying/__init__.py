"""Athena over what the stack wrote."""
