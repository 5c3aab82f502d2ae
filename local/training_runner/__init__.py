"""The function that stands in for SageMaker: it runs a training job on this machine."""
