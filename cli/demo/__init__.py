"""The loop in fast motion: `stresswatch demo`."""
