"""Send the posts of a file to the posts stream."""
