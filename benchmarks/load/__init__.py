"""What a local stack does under load."""
