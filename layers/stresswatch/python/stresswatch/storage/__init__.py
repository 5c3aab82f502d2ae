"""Data in S3: archive, quarantine, training sets."""
