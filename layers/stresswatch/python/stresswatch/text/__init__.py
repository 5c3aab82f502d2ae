"""Text as the model reads it, and what is no text of a person's."""
