"""Serving: the predictor, the web service, batch scoring, canary deployments."""
