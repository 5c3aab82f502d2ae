"""Code for AWS: addresses, settings, accepted names, errors without post text."""
