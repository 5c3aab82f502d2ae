"""The folder of Python's `sitecustomize` under libfaketime."""
