"""The task: what a model reads and predicts, as `task.toml` defines it."""
