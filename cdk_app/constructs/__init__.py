"""One file a concern; `stack.py` composes them."""
