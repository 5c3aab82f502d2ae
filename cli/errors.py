"""Errors that the command reports in one sentence."""


class OperatorError(Exception):
    """Something that the operator can act on: the message says what is wrong and what to do."""
