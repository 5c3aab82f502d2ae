"""`stresswatch queue`, `label` and `annotate`: posts out of the label queue, and labels back."""
