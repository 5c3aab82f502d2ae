"""`stresswatch data synthesize` and `data fetch`: files, messages and the next step."""

from pathlib import Path

from cli.data import read_posts
from tests.unit.cli.test_synthetic import share_no_post


def test_synthesised_posts_can_be_read_as_base_data(stresswatch):
    result = stresswatch("data", "synthesize", "posts.jsonl", "--seed", "3")
    assert (result.exit_code, result.stdout) == (
        0,
        "posts.jsonl: 2,838 posts\n"
        "Next, on a running stack:\n"
        "  stresswatch seed --local posts.jsonl\n"
        "  stresswatch retrain --local --wait\n",
    )
    assert len(read_posts(Path("posts.jsonl"))) == 2838


def test_synthesising_again_never_overwrites_another_file(stresswatch):
    stresswatch("data", "synthesize", "posts.jsonl")
    before = Path("posts.jsonl").read_bytes()
    assert stresswatch("data", "synthesize", "posts.jsonl").exit_code == 0
    result = stresswatch("data", "synthesize", "posts.jsonl", "--seed", "3")
    assert result.exit_code == 1
    assert result.stderr == "posts.jsonl exists already with other content; give another name.\n"
    assert Path("posts.jsonl").read_bytes() == before


def test_a_training_file_and_a_stream_file_are_synthesised_together(stresswatch):
    result = stresswatch("data", "synthesize", "train.jsonl", "stream.jsonl")
    assert result.stdout.splitlines() == [
        "train.jsonl: 2,838 posts",
        "stream.jsonl: 2,838 posts",
        "Next, on a running stack:",
        "  stresswatch seed --local train.jsonl",
        "  stresswatch retrain --local --wait",
        "  stresswatch produce --local stream.jsonl",
        "  stresswatch label --local stream.jsonl",
    ]
    train, stream = (read_posts(Path(name)) for name in ("train.jsonl", "stream.jsonl"))
    assert len(train) == len(stream) == 2838
    assert share_no_post(train, stream)


def test_neither_file_is_written_if_one_exists_with_other_content(stresswatch):
    Path("stream.jsonl").write_text("mine\n")
    result = stresswatch("data", "synthesize", "train.jsonl", "stream.jsonl")
    assert result.stderr.startswith("stream.jsonl exists already with other content")
    assert (Path("stream.jsonl").read_text(), Path("train.jsonl").exists()) == ("mine\n", False)


def test_the_same_path_for_training_and_stream_file_is_rejected(stresswatch):
    result = stresswatch("data", "synthesize", "posts.jsonl", "./posts.jsonl")
    assert (result.exit_code, Path("posts.jsonl").exists()) == (1, False)
    assert "give the stream file another name" in result.stderr


def test_an_output_file_whose_name_does_not_end_in_jsonl_is_rejected(stresswatch):
    result = stresswatch("data", "synthesize", "posts.csv")
    assert (result.exit_code, Path("posts.csv").exists()) == (1, False)
    assert result.stderr == "posts.csv would hold JSON Lines: its name must end in .jsonl.\n"


def test_synthesising_into_a_missing_folder_is_a_one_line_error(stresswatch):
    result = stresswatch("data", "synthesize", "no/posts.jsonl")
    assert (result.exit_code, result.stderr) == (1, "no/posts.jsonl: No such file or directory.\n")


def test_fetch_writes_to_the_configured_data_directory(stresswatch, train_csv, monkeypatch):
    Path("stress.csv").write_bytes(train_csv)
    monkeypatch.setenv("STRESSWATCH_DATA_DIR", "here")
    result = stresswatch("data", "fetch", "--from", "stress.csv")
    assert (result.exit_code, result.stdout) == (
        0,
        "here/dreaddit-train.csv: 2,838 posts\n"
        "Next, on a running stack:\n"
        "  stresswatch seed --local here/dreaddit-train.csv\n"
        "  stresswatch retrain --local --wait\n",
    )
    assert len(read_posts(Path("here/dreaddit-train.csv"))) == 2838


def test_fetch_writes_to_the_folder_given_on_the_command_line(stresswatch, train_csv):
    Path("stress.csv").write_bytes(train_csv)
    stresswatch("data", "fetch", "--from", "stress.csv", "--to", "there")
    assert Path("there/dreaddit-train.csv").read_bytes() == train_csv


def test_a_failed_fetch_is_a_one_line_error(stresswatch):
    result = stresswatch("data", "fetch", "--from", "http://127.0.0.1:9/dreaddit.zip")
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("http://127.0.0.1:9/dreaddit.zip cannot be downloaded: ")
    assert not Path("data").exists()
