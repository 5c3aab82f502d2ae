"""The task: the model's inputs and label, as `task.toml` defines them."""
