"""Text normalisation, and texts without content from a person."""
