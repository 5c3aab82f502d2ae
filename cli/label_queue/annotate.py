"""`stresswatch annotate`: label posts in the terminal, one key each."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from rich.console import Console
from rich.markdown import Markdown
from rich.text import Text

from cli.label_queue.progress import Answer, Progress
from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.storage.label_queue import QueuedPost
from stresswatch.task.definition import TASK
from stresswatch.text.wording import counted

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Control characters except the line break and the tab."""
_LABELS = {"1": 1, "0": 0}
_SKIP, _UNDO, _QUIT, _HELP = "s", "u", "q", "?"
_KEYS = (
    f"[1] {TASK.label.name(1)}  [0] {TASK.label.name(0)}  [s] skip  [u] undo  [?] guideline  "
    "[q] quit and submit"
)


@dataclass
class Session:
    """An annotator at a terminal.

    Attributes
    ----------
    waiting : sequence of QueuedPost
        The posts to label, in order.
    progress : Progress
        Answers of this session, and unsubmitted ones of earlier sessions.
    read_key : callable
        Wait for a key and return it; raise KeyboardInterrupt on Ctrl-C.
    """

    console: Console
    waiting: Sequence[QueuedPost]
    progress: Progress
    read_key: Callable[[], str]
    now: Callable[[], datetime]
    _skipped: list[str] = field(default_factory=list)
    _done: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Ask until no post is left or the annotator quits; save each answer at once.

        Raises
        ------
        KeyboardInterrupt
            On Ctrl-C, with every answer in the file.
        """
        waiting = {one.prediction_id for one in self.waiting}
        answered = [one.prediction_id for one in self.progress.answers]
        self._done = [one for one in answered if one in waiting]
        self._show_guideline()
        while queued := self._next():
            self._show(queued)
            key = self._key()
            if key == _QUIT:
                return
            if key == _HELP:
                self._show_guideline()
            elif key == _UNDO:
                self._undo()
            elif key == _SKIP:
                self._skipped.append(queued.prediction_id)
                self._done.append(queued.prediction_id)
            else:
                timestamp = self.now().isoformat()
                self.progress.add(Answer(queued.prediction_id, _LABELS[key], timestamp))
                self._done.append(queued.prediction_id)
        self._say("No post is left to label.")

    def labels(self) -> list[LabelledPost]:
        """Return the labels of posts that still wait for one."""
        posts = {queued.prediction_id: queued.post for queued in self.waiting}
        return [
            LabelledPost(posts[one.prediction_id], one.label, one.labelled_at)
            for one in self.progress.answers
            if one.prediction_id in posts
        ]

    def _next(self) -> QueuedPost | None:
        done = set(self._done)
        return next((one for one in self.waiting if one.prediction_id not in done), None)

    def _undo(self) -> None:
        if not self._done:
            self._say("There is nothing to undo.")
            return
        last = self._done.pop()
        if last in self._skipped:
            self._skipped.remove(last)
        else:
            self.progress.remove({last})

    def _key(self) -> str:
        known = {*_LABELS, _SKIP, _UNDO, _QUIT, _HELP}
        while (key := self.read_key()) not in known:
            self._say(_KEYS)
        return key

    def _show_guideline(self) -> None:
        self.console.print(Markdown(TASK.wording.guideline))
        self._say("Press any key to continue.")
        self.read_key()

    def _show(self, queued: QueuedPost) -> None:
        self.console.rule(f"{len(self._done) + 1:,} of {len(self.waiting):,}")
        self.console.print(Text(_shown(queued.post.text)))
        self.console.print()
        self._say(_KEYS)

    def _say(self, sentence: str) -> None:
        self.console.print(Text(sentence, style="dim"))


def _shown(text: str) -> str:
    """Return an untrusted text without terminal control characters."""
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", "\n".join(text.splitlines()))


def kept(progress: Progress) -> str:
    """Return a sentence about unsubmitted answers."""
    count = counted(len(progress.answers), "answer is", "answers are")
    return f"{count} saved. Run the command again to continue, and quit with q to submit them."
