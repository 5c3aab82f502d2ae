"""`stresswatch queue`, `label` and `annotate`: read the label queue, and submit labels."""
