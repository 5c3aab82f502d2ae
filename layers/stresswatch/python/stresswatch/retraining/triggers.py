"""Triggers of retrainings that more than one part of the system knows by name."""

SCHEDULE = "schedule"
"""That of retrainings that nobody asked for, which are declined in silence."""
