"""Model versions: their files, the champion, the challenger in its shadow, the registry."""
