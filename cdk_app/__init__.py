"""The AWS resources of Stresswatch, as a CDK app."""
