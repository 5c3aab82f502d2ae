"""The Dreaddit data set: labelled segments of Reddit posts (Turcan and McKeown, 2019).

Several segments of one post share its id. Users fetch the data set themselves; the project does not
contain it. https://aclanthology.org/D19-6213/
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from cli.errors import FileRefused, OperatorError
from cli.post_files import CheckedPosts, Wanted
from stresswatch.contracts.labelled_posts import LabelledPost

TRAIN_FILE = "dreaddit-train.csv"
TEST_FILE = "dreaddit-test.csv"
NEWCOMERS = ("relationships", "anxiety")
"""Communities where a model of the others overestimates the stress rate by at least 10 points."""


def parse_csv(content: bytes, name: str) -> list[LabelledPost]:
    """Parse the content of one of the data set's files; `name` is for the errors.

    Raises
    ------
    OperatorError
        When it is not a table of labelled posts, or has an invalid row.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        try:
            posts = CheckedPosts(path, Wanted.BASE_DATA, Console(quiet=True))
        except FileRefused as error:
            raise OperatorError(str(error).replace(f"{folder}/", "")) from error
        if posts.report.refused:  # your own files may have such rows, Dreaddit does not
            place, detail = posts.report.named[0]
            raise OperatorError(f"{name}, {place}: {detail}.")
        return list(posts)
