"""Rewrites the synthesised template for this machine."""
