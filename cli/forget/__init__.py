"""Delete a person's records from all of the stack's data."""
