"""Replay: predict records in quarantine and failed batches, after a fix."""
