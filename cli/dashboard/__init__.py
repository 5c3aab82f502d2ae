"""The `stresswatch dashboard` page: a deployment's monitoring in a browser."""

from cli.dashboard.rates import read_recent_rates
from cli.dashboard.server import serve

__all__ = ["read_recent_rates", "serve"]
