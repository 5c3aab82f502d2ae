"""How fast the functions that predict are."""

import os

# Powertools reads it when a handler is imported; a process that has it, as one of tests, keeps it.
os.environ.setdefault("POWERTOOLS_METRICS_NAMESPACE", "Benchmark")
