"""The output of `stresswatch produce`, and the file for unsent posts."""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import IO

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text

from cli.deployment.target import Target
from cli.post_files import PostFile, check
from cli.produce.sender import SendResult, produce, records_of
from stresswatch.aws import stack_outputs
from stresswatch.text.wording import counted


def send_file(console: Console, target: Target, file: PostFile, rate: float | None) -> int:
    """Check a file, send its posts to the posts stream, and return the number of unsent posts.

    Invalid rows are sent unchanged: the predictor puts them in quarantine.
    """
    report = check(file, console)
    report.show(console)
    if report.refused:
        console.print(
            f"{counted(report.refused, 'row is not a post', 'rows are not posts')}: invalid "
            "rows are sent unchanged, and go to quarantine.",
            highlight=False,
        )
    steps = produce(
        target.client("kinesis"),
        target.output(stack_outputs.POSTS_STREAM),
        records_of(file),
        rate=rate,
    )
    with Sending(console, file.path, report.posts + report.refused) as sending:
        for step in steps:
            sending.note(step)
    return sending.unsent


class _Speed(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f} posts/s")


class Sending:
    """Show the progress, save unsent posts beside their file, and report both at the end.

    Unsent posts go to a new JSON Lines file, which can be sent like any other.
    """

    def __init__(self, console: Console, file: Path, total: int | None = None):
        self.sent = 0
        self.unsent = 0
        self._console = console
        self._started = time.monotonic()
        self._file = file
        self._unsent_file: IO[bytes] | None = None
        self._progress = Progress(
            TextColumn("Sending"),
            BarColumn(),
            TextColumn("{task.completed:,.0f} posts"),
            _Speed(),
            TimeElapsedColumn(),
            console=console,
        )
        self._task = self._progress.add_task("sending", total=total)

    def __enter__(self) -> Sending:
        self._progress.start()
        return self

    def note(self, step: SendResult) -> None:
        """Count a step, and save its unsent records."""
        self.sent += step.sent
        self.unsent += len(step.unsent)
        self._progress.update(self._task, completed=self.sent)
        if step.unsent:
            if self._unsent_file is None:
                self._unsent_file = _new_file(self._file)
            self._unsent_file.writelines(record.data + b"\n" for record in step.unsent)

    def __exit__(self, *_: object) -> None:
        self._progress.update(self._task, total=self.sent + self.unsent)
        self._progress.stop()
        seconds = max(time.monotonic() - self._started, 1e-3)
        self._console.print(
            f"{counted(self.sent, 'post')} sent in {seconds:.1f} s, "
            f"{self.sent / seconds:,.0f} per second."
        )
        if self._unsent_file is not None:
            self._unsent_file.close()
            self._console.print(
                f"{counted(self.unsent, 'post was', 'posts were')} not sent and kept in "
                f"{self._unsent_file.name}.",
                style="red",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )


def _new_file(file: Path) -> IO[bytes]:
    """Open a new file, so that unsent posts of earlier runs stay."""
    paths = (file.with_name(f"{file.stem}.unsent-{number}.jsonl") for number in itertools.count(1))
    return next(path for path in paths if not path.exists()).open("xb")
