"""Prefixes of the buckets that no module of its own reads and writes, but several parts must know.

Those of predictions, labels, models and the rest stand in the modules that own them.
"""

from __future__ import annotations

DATA_SETS = "datasets/"
"""Of the base data, and of the training sets that were assembled."""
ASSEMBLED_SETS = f"{DATA_SETS}v"
"""Of the training sets, each under its version, whose name begins so."""
TRAINING_OUTPUT = "training-output/"
"""What training jobs write; the gate reads a model from it."""
QUALITY = "quality/"
"""Where each measurement of live quality is kept, in the archive's bucket."""
QUERY_RESULTS = "query-results/"
"""What Athena writes, in the archive's bucket."""
DRIFT = "drift/"
"""The history of drift, in the archive's bucket: its own module needs what few functions have."""
REPORTS = "reports/"
"""Pages for people, in the archive's bucket: of windows of drift, and of the stress rate."""
