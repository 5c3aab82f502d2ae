"""The page of `stresswatch dashboard`: a deployment's monitoring, in a browser."""

from cli.dashboard.server import serve

__all__ = ["serve"]
