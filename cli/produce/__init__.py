"""Send a file's posts to the posts stream."""
