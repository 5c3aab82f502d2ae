"""The error of an invalid stage."""


class InvalidStage(Exception):
    """A stage is unknown, or its settings contradict each other or AWS's limits."""
