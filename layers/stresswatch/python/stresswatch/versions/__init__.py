"""Model versions: files, champion, shadow challenger, registry."""
