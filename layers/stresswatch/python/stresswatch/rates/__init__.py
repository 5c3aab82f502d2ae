"""The rate of the positive class by day, week and community: estimates, table and page."""
