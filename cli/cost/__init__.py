"""A stage's cost by load: usage, quantities, prices, quotas."""
