"""What is kept in S3: the archive, the quarantine, training sets."""
