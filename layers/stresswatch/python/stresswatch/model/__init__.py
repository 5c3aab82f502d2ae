"""The model as it serves: plain arrays that score and explain, and how they are exported."""
