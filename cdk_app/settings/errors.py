"""What is wrong with a stage."""


class InvalidStage(Exception):
    """A stage is unknown, or its settings contradict each other or AWS's limits."""
