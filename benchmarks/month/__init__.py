"""A month of the loop, day by day, on the local stack with a driven clock."""
