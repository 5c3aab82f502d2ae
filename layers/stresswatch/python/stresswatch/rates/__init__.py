"""The stress rate by day, week and community: estimates, table and page."""
