"""A task for someone's labelled data: written from a sample, and held against a file."""
