"""How often the drift monitor is wrong, and what it costs."""
