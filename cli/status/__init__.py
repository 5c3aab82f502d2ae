"""A deployment's status."""
