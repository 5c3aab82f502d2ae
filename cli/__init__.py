"""The operator's command, `stresswatch`."""
