"""The retraining workflow and the model registry."""
