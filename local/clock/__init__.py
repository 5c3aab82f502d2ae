"""A clock that somebody drives, for days that pass in seconds."""
