"""A short demonstration of the loop: `stresswatch demo`."""
