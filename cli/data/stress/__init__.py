"""Data for the stress task: synthetic posts, and the public data set Dreaddit."""

TASK_NAME = "stress"
