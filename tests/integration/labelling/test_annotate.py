"""`annotate`: labels of posts by single keys."""

from datetime import UTC, datetime

import pytest
from rich.console import Console

from stresswatch.contracts.posts import Post
from stresswatch.task.definition import TASK
from tests.conftest import PROJECT
from tests.integration.labelling.drawn import ORDERED, POSTS, QUEUE, put_into_queue, submitted


def test_an_interrupted_session_resumes_and_submits_its_labels(aws, run, tmp_path):
    begun = datetime.now(UTC)
    stopped = run("annotate", keys=" 1\x03")
    assert stopped.exit_code == 130
    assert "1 answer is saved." in stopped.stdout
    assert submitted(aws) == []
    kept = (tmp_path / "annotations.jsonl").read_bytes()
    assert not any(post.text.encode() in kept or post.post_id.encode() in kept for post in POSTS)
    result = run("annotate", keys=" 0s1")
    assert result.exit_code == 0, result.output
    assert "No post is left to label." in result.stdout
    assert "3 labels submitted." in result.stdout
    found = submitted(aws)
    assert [(one["text"], one["label"]) for one in found] == [
        (ORDERED[0].text, 1),
        (ORDERED[1].text, 0),
        (ORDERED[3].text, 1),
    ]
    assert all(datetime.fromisoformat(one["labelled_at"]) >= begun for one in found)
    assert not (tmp_path / "annotations.jsonl").exists()
    assert "1 of 1" in run("annotate", keys=" q").stdout
    assert len(submitted(aws)) == 3


def test_annotating_shows_the_guideline_and_hides_the_prediction(run):
    shown = run("annotate", keys=" q").stdout
    assert "Labelling guideline" in shown
    assert "0.9" not in shown
    assert "v1" not in shown


@pytest.mark.parametrize(
    "line",
    [
        '{"a": 1}',
        '"text"',
        '{"prediction_id": "p", "label": 7, "labelled_at": "2026-11-30T12:00:00+00:00"}',
        '{"prediction_id": "p", "label": "yes", "labelled_at": "2026-11-30T12:00:00+00:00"}',
        '{"prediction_id": "p", "label": 1, "labelled_at": "yesterday"}',
        '{"prediction_id": "p", "label": 1, "labelled_at": null}',
    ],
)
def test_an_invalid_progress_file_is_rejected(run, tmp_path, line):
    (tmp_path / "annotations.jsonl").write_text(f"{line}\n")
    result = run("annotate", keys=" q")
    assert result.exit_code == 1
    assert "does not hold answers of `stresswatch annotate`" in " ".join(result.stderr.split())


def test_undo_reverts_the_last_answer_or_skip(aws, run):
    result = run("annotate", keys=" u1usu0s1uu11q")
    assert result.exit_code == 0, result.output
    assert "There is nothing to undo." in result.stdout
    # 1 undone; s undone; 0 stands; s, 1 undone; then 1 and 1.
    assert [(one["text"], one["label"]) for one in submitted(aws)] == [
        (ORDERED[0].text, 0),
        (ORDERED[1].text, 1),
        (ORDERED[2].text, 1),
    ]


def test_an_answer_from_an_earlier_session_can_be_undone(aws, run):
    run("annotate", keys=" 1\x03")
    run("annotate", keys=" u0q")
    assert [(one["text"], one["label"]) for one in submitted(aws)] == [(ORDERED[0].text, 0)]


def test_undo_leaves_answers_about_other_posts_alone(run, tmp_path):
    """They are of another stack, or of posts that have a label by now."""
    progress = tmp_path / "annotations.jsonl"
    run("annotate", keys=" 1\x03")
    other = progress.read_text().replace('"prediction_id": "', '"prediction_id": "other-')
    progress.write_text(other)
    shown = run("annotate", keys=" uq").stdout
    assert "There is nothing to undo." in shown
    assert progress.read_text() == other


def test_annotating_without_a_terminal_is_an_error(run):
    result = run("annotate", keys=[None])
    assert result.exit_code == 1
    assert "there is no terminal here" in " ".join(result.stderr.split())


def test_an_unknown_key_shows_the_valid_keys_and_labels_nothing(aws, run):
    shown = run("annotate", keys=" x?\r1q").stdout
    assert shown.count("[1] stressed") >= 3
    assert shown.count("Labelling guideline") == 2
    assert [one["label"] for one in submitted(aws)] == [1]


@pytest.mark.parametrize("width", [20, 40, 200])
def test_a_narrow_terminal_shows_whole_posts(run, monkeypatch, width):
    console = Console(width=width)
    monkeypatch.setattr("cli.commands.labelling.console", console)
    with console.capture() as captured:
        run("annotate", keys=" q")
    shown = captured.get()
    assert max(map(len, shown.splitlines())) <= width
    assert "".join(ORDERED[0].text.split()) in "".join(shown.split())


def test_control_characters_in_posts_are_replaced_on_screen(aws, run):
    aws.s3.delete_object(Bucket=QUEUE, Key=aws.keys(QUEUE)[0])
    put_into_queue(aws.s3, QUEUE, [Post("p", "clear \x1b[2J\x9b2J\x07 all\rof it", (0.0,) * 5)])
    shown = run("annotate", keys=" 1q").stdout
    assert "clear \ufffd[2J\ufffd2J\ufffd all\nof it" in shown
    assert submitted(aws)[0]["text"] == "clear \x1b[2J\x9b2J\x07 all\rof it"


def test_the_documented_guideline_matches_the_displayed_one():
    assert (PROJECT / "docs" / "labelling-guideline.md").read_text() == TASK.wording.guideline
