"""Speed of the predicting functions."""

import os

# Powertools reads it when a handler is imported; a value from outside, as in tests, is kept.
os.environ.setdefault("POWERTOOLS_METRICS_NAMESPACE", "Benchmark")
