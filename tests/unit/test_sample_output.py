"""Sample output is compared by its words: other numbers pass, other words do not."""

from tests.sample_output import missing, samples, shape


def test_numbers_times_and_ids_are_normalised():
    assert shape("│ posts   │ 2,838 posts by v20261201T122143-f0ff4c2a   │") == (
        shape("│ posts │ 12 posts by v20270101T000000-00000000 │")
    )
    assert shape("┌────┬──┐") == ""


def test_lines_may_be_omitted_but_not_changed():
    output = "Started\n2,838 posts sent in 0.5 s.\nDone: 12 of 12 checks passed\n"
    assert missing(["7 posts sent in 9 s.", "Done: …"], output) == []
    assert missing(["7 labels sent in 9 s."], output) == ["7 labels sent in 9 s."]
    assert missing(["Done: …", "Started"], output) == ["Started"], "in another order"
    assert missing(["7 posts sent"], output) == ["7 posts sent"], "a line is whole"


def test_each_command_has_the_output_after_its_prompt():
    found = samples("docs/tutorial.md")
    produce = found[".venv/bin/stresswatch produce --local stream.jsonl"]
    assert len(produce) == 1
    assert len(found) > 8
