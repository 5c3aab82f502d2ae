"""What the stack uses."""
