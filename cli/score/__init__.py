"""Score a large file of posts with a model version, many parts at a time, in the stack."""
