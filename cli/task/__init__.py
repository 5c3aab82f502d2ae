"""A task for your labelled data: written from a sample, and checked against a file."""
