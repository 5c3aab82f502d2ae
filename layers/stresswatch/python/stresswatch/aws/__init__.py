"""Code for AWS: addresses, settings, accepted names, errors without posts."""
