"""What goes in and what comes out: posts, predictions, and what each is known by."""
