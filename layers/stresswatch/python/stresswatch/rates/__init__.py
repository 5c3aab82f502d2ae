"""The stress rate by day, week and community: its estimates, their table, and their page."""
