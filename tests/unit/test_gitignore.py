"""What git ignores: files of posts, which must stay out of commits."""

import re
import shutil
import subprocess

from tests.conftest import PROJECT
from tests.documented import PAGES, blocks

DATA = re.compile(r"[\w.-]+\.(?:csv|gz|html|json|jsonl|parquet|tsv|zip)")
WRITTEN_BESIDE = {
    "annotations.jsonl",
    "posts.unsent-1.jsonl",
    "project-1.ties.jsonl",
    "scored.jsonl.gz.partial",
    "tasks.json.partial",
}
"""Files that commands write without an argument with this name."""


def ignored(names, folder):
    """Return those of the files in a checkout's top folder that git ignores."""
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    shutil.copyfile(PROJECT / ".gitignore", folder / ".gitignore")
    checked = subprocess.run(
        ["git", "check-ignore", *sorted(names)], cwd=folder, capture_output=True, text=True
    )
    return set(checked.stdout.split())


def test_files_of_documented_commands_are_ignored(tmp_path):
    words = {
        word
        for page in PAGES
        for language, block in blocks(page.read_text())
        if language == "sh"
        for word in block.split()
    }
    named = {word for word in words if DATA.fullmatch(word)}
    assert {"posts.csv", "scored.jsonl.gz", "tasks.json"} <= named
    assert ignored(named | WRITTEN_BESIDE, tmp_path) == named | WRITTEN_BESIDE


def test_files_in_the_projects_top_folder_are_not_ignored(tmp_path):
    kept = {"cdk.json", "zensical.toml", "requirements.txt", "README.md"}
    assert {name for name in kept if not (PROJECT / name).exists()} == set()
    assert ignored(kept, tmp_path) == set()
