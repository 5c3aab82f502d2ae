"""Score historical posts with any model version, apart from live data."""
