"""Post files: one reader for all commands.

`PostFile` reads a file as posts or as labelled posts, and `check` reports its contents. The page
"Preparing data" has the rules. Formats are in `contents`, `csv_tables`, `json_lines` and
`parquet_tables`; names of columns in `columns`; values in `values`; advice for files without a post
in `causes`.
"""

from cli.post_files.checking import (
    CheckedPosts,
    CheckReport,
    check,
    check_only,
    read_through,
    refuse,
    watched,
)
from cli.post_files.reading import PostFile, Row, Wanted

__all__ = [
    "CheckReport",
    "CheckedPosts",
    "PostFile",
    "Row",
    "Wanted",
    "check",
    "check_only",
    "read_through",
    "refuse",
    "watched",
]
