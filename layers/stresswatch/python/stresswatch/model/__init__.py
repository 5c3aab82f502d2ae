"""The served model: plain arrays for scoring and explanations, and their export."""
