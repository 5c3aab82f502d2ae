"""Stresswatch's domain: posts, features, predictions, models and their versions.

The only place that knows what these are. It needs numpy and nothing else; what talks to AWS takes
its client as an argument.
"""
