"""Model evaluation: splits, metrics, significance of differences."""
