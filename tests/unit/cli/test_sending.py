import io

import pytest
from rich.console import Console

from cli.produce.progress import Sending
from cli.produce.sender import SendResult
from stresswatch.streaming.put_records import StreamRecord


@pytest.fixture
def file(tmp_path):
    return tmp_path / "posts.csv"


def run(file, steps, **console_options) -> str:
    shown = io.StringIO()
    with Sending(Console(file=shown, **console_options), file) as sending:
        for step in steps:
            sending.note(step)
    return shown.getvalue()


def test_the_count_of_sent_posts_is_shown_and_no_file_is_written(file):
    assert "1,500 posts sent in " in run(file, [SendResult(1000), SendResult(500)])
    assert list(file.parent.iterdir()) == []


def test_unsent_posts_are_kept_beside_their_file(file):
    shown = run(
        file,
        [SendResult(3, [StreamRecord("a", b"first")]), SendResult(0, [StreamRecord("b", b"2")])],
    )
    kept = file.parent / "posts.unsent-1.jsonl"
    assert kept.read_bytes() == b"first\n2\n"
    assert "3 posts sent" in shown
    assert f"2 posts were not sent and kept in {kept}." in shown


def test_unsent_posts_of_an_earlier_run_are_kept(file):
    for number in (1, 2):
        run(file, [SendResult(0, [StreamRecord("a", b"run %d" % number)])])
    kept = [(file.parent / f"posts.unsent-{number}.jsonl").read_bytes() for number in (1, 2)]
    assert kept == [b"run 1\n", b"run 2\n"]


def test_unsent_posts_are_kept_when_sending_is_interrupted(file):
    def steps():
        yield SendResult(0, [StreamRecord("a", b"first")])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(file, steps())
    assert (file.parent / "posts.unsent-1.jsonl").read_bytes() == b"first\n"


@pytest.mark.parametrize("width", [20, 40, 200])
def test_progress_is_drawn_on_a_terminal_of_any_width(file, width):
    shown = run(file, [SendResult(10), SendResult(20)], width=width, force_terminal=True)
    assert "30" in shown
