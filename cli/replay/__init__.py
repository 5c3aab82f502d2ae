"""Replay: predict what lies in quarantine and in failed batches, once its cause is mended."""
