"""Data contracts: posts, predictions, and their ids."""
