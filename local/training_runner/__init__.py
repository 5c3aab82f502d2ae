"""A function in SageMaker's place: runs a training job on this machine."""
