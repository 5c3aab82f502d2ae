"""A simulated month of the loop on the local stack, with an accelerated clock."""
