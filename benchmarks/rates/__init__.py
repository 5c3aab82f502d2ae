"""How far the stress rate can be believed: bias, coverage and width of its interval."""
