"""Forget a person's posts: take their records out of everything that the stack keeps of them."""
