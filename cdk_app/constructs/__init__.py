"""One file per concern; `stack.py` composes them."""
