"""Synthetic labelled posts as files: some for training, others for the stream."""

from __future__ import annotations

from pathlib import Path

from cli.data import synthetic
from cli.errors import OperatorError
from cli.post_files.writing import file_lines


def write(train: Path, stream: Path | None, seed: int) -> dict[Path, int]:
    """Write a training file and optionally a stream file of other posts, as JSON Lines.

    Both are labelled. Nothing is written unless both can be written.

    Returns
    -------
    dict of Path to int
        Posts by file.

    Raises
    ------
    OperatorError
        When a name does not end in ``.jsonl``, or belongs to another file.
    """
    posts = {train: synthetic.generate_posts(seed)}
    if stream is not None:
        if stream.resolve() == train.resolve():
            raise OperatorError(f"{stream} is given twice; give the stream file another name.")
        posts[stream] = synthetic.generate_stream(seed)
    contents = {file: file_lines(one) for file, one in posts.items()}
    for file, content in contents.items():
        if file.suffix.lower() != ".jsonl":
            raise OperatorError(f"{file} would hold JSON Lines: its name must end in .jsonl.")
        if file.is_file() and file.read_bytes() != content:
            raise OperatorError(f"{file} exists already with other content; give another name.")
    for file, content in contents.items():
        file.write_bytes(content)
    return {file: len(one) for file, one in posts.items()}
