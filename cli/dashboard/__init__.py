"""The page of `stresswatch dashboard`: what is to be seen of a deployment, in a browser."""

from cli.dashboard.server import serve

__all__ = ["serve"]
