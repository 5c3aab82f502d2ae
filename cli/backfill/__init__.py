"""Score posts of before with a model version of choice, apart from all that is live."""
