"""The drift monitor's error rates and cost."""
