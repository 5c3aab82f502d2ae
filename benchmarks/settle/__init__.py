"""Time and memory to settle a part."""
