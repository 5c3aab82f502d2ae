"""An accelerated clock for simulated days."""
