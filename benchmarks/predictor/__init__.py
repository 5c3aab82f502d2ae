"""Speed of the predicting functions."""

import os

# Powertools reads it when a handler is imported; a process that has it, as one of tests, keeps it.
os.environ.setdefault("POWERTOOLS_METRICS_NAMESPACE", "Benchmark")
