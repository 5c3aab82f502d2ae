"""How fast the functions that predict are."""

import os

# The handlers read these when they are imported; a process that has them keeps them.
for _name, _value in {"STAGE": "dev", "POWERTOOLS_METRICS_NAMESPACE": "Benchmark"}.items():
    os.environ.setdefault(_name, _value)
