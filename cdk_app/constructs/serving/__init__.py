"""What predicts: the predictor, the web service, batch scoring, and how new code takes over."""
