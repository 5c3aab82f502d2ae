"""Whatever bytes come, the predictor answers."""
