"""What is wrong with a stage; apart from the stages, which are made when they are imported."""


class InvalidStage(ValueError):
    """A stage is unknown, or its settings contradict each other or AWS's limits."""
