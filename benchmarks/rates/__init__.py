"""The stress rate's accuracy: bias, coverage and interval width."""
