"""Predictions on request and in bulk: the web service, batch scoring."""
