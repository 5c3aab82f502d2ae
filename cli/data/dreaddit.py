"""The Dreaddit data set: labelled segments of Reddit posts (Turcan and McKeown, 2019).

Several segments of one post share its id. The data set is fetched or brought by its user and never
shipped with the project.
https://aclanthology.org/D19-6213/
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
"""A model of the other communities calls at least 10 of 100 posts too many stressed here."""


def parse_csv(content: bytes, name: str) -> list[LabelledPost]:
    """Parse the content of one of the data set's files; `name` is for the errors.

    Raises
    ------
    OperatorError
        When it is no table of labelled posts, or has an invalid row.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        try:
            posts = CheckedPosts(path, Wanted.BASE_DATA, Console(quiet=True))
        except FileRefused as error:
            raise OperatorError(str(error).replace(f"{folder}/", "")) from error
        if posts.report.refused:  # what a file of one's own may have, the data set has not
            place, detail = posts.report.named[0]
            raise OperatorError(f"{name}, {place}: {detail}.")
        return list(posts)
