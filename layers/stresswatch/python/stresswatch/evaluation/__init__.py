"""How good a model is: splits, metrics, and differences beyond chance."""
