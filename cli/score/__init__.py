"""Score a large post file with a model version, in parallel chunks on the stack."""
