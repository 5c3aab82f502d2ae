"""Shared prefixes of buckets, for data without a module of its own.

Other prefixes, such as those of predictions, labels and models, are in the modules that own them.
"""

from __future__ import annotations

DATA_SETS = "datasets/"
"""Prefix of the base data, and of assembled training sets."""
ASSEMBLED_SETS = f"{DATA_SETS}v"
"""Prefix of training sets; each is under its version, whose name begins with this letter."""
TRAINING_OUTPUT = "training-output/"
"""Output of training jobs, from which the gate reads a model."""
QUALITY = "quality/"
"""Measurements of live quality, in the archive bucket."""
QUERY_RESULTS = "query-results/"
"""Athena's results, in the archive bucket."""
DRIFT = "drift/"
"""The drift history, in the archive bucket; its module has dependencies that few functions have."""
REPORTS = "reports/"
"""HTML pages in the archive bucket: for drift windows, and for the rates."""
