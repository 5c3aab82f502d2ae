"""Fault injection: a seeded schedule of faults, and the predictor's guarantees.

The predictor's own code runs against in-memory stores that fail by the schedule. The event source
mapping's rules of `local/` deliver the records on a simulated clock. So a seed always gives the
same run, and hours of outage take milliseconds.
"""

import os

# Powertools reads it when a handler is imported; a value from outside, as in tests, is kept.
os.environ.setdefault("POWERTOOLS_METRICS_NAMESPACE", "Faults")
