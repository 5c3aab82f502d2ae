"""Fuzzing: the predictor answers arbitrary bytes."""
