"""The folder that Python looks for its `sitecustomize` in, under libfaketime."""
