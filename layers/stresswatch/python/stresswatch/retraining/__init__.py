"""The loop: when it may begin, what the gate decides, what people are told."""
