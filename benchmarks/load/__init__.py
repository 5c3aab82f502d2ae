"""A local stack under load."""
