"""What a stage costs at a number of posts a day: usage, quantities, price lines, quotas."""
