"""Fault injection: a seeded schedule of faults, and the predictor's guarantees.

The predictor's own code runs against stores in memory that fail as the schedule says, delivered
by `local/`'s own rules of an event source mapping, on a clock that is counted and not waited for.
So a seed gives the same run every time, and hours of outage take milliseconds.
"""

import os

# Powertools reads it when a handler is imported; a process that has it, as one of tests, keeps it.
os.environ.setdefault("POWERTOOLS_METRICS_NAMESPACE", "Faults")
