"""The training container drops root, and prepares SageMaker's folders."""

import json
import os
import pwd
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from training_jobs.model import start

NOBODY = pwd.getpwnam("nobody")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give up root")

TRAINS_AS_NOBODY = """
import json, os, sys
from pathlib import Path
from training_jobs.model.start import drop_root

prefix, temporary = map(Path, sys.argv[1:])
drop_root("nobody", prefix, temporary)
seen = {"ids": [*os.getresuid(), *os.getresgid()], "groups": os.getgroups()}
seen["home"] = os.environ["HOME"]
seen["posts"] = (prefix / "input/posts.jsonl").read_text()
for folder in (prefix / "model", prefix / "output", temporary):
    (folder / "written").touch()
for name, forbidden in {
    "root again": lambda: os.setuid(0),
    "posts written": lambda: (prefix / "input/posts.jsonl").write_text(""),
    "secret read": lambda: (prefix / "secret").read_text(),
}.items():
    try:
        forbidden()
    except PermissionError:
        continue
    seen["allowed"] = name
print(json.dumps(seen))
"""


@pytest.fixture
def folders():
    """SageMaker's folders as its agent makes them: root's, and read-only for others."""
    # Not pytest's own folder, whose parents only their owner may enter.
    with tempfile.TemporaryDirectory() as folder:
        yield _folders(Path(folder))


def _folders(tmp_path):
    tmp_path.chmod(0o755)
    for name in ("ml/input", "ml/model", "ml/output", "tmp"):
        (tmp_path / name).mkdir(parents=True, mode=0o755)
    (tmp_path / "ml/input/posts.jsonl").write_text("a post")
    (tmp_path / "ml/secret").write_text("of root")
    (tmp_path / "ml/secret").chmod(0o600)
    return tmp_path / "ml", tmp_path / "tmp"


@needs_root
def test_training_runs_without_root_and_writes_only_its_folders(folders):
    done = subprocess.run(
        [sys.executable, "-c", TRAINS_AS_NOBODY, *map(str, folders)],
        capture_output=True,
        text=True,
        check=False,
        cwd=PROJECT,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "ids": [NOBODY.pw_uid] * 3 + [NOBODY.pw_gid] * 3,
        "groups": [],
        "home": NOBODY.pw_dir,
        "posts": "a post",
    }


@needs_root
def test_missing_sagemaker_folders_are_created(tmp_path, monkeypatch):
    for change in ("setgroups", "setgid", "setuid"):
        monkeypatch.setattr(os, change, lambda _: None)
    monkeypatch.setenv("HOME", "/root")
    start.drop_root("nobody", tmp_path, tmp_path)
    assert {(tmp_path / name).stat().st_uid for name in ("model", "output")} == {NOBODY.pw_uid}
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o1777


@pytest.fixture
def begun(monkeypatch):
    """The new process: its user in place of root, its command and its variables."""
    seen = {"users": []}
    monkeypatch.setattr(start, "drop_root", lambda name, *_: seen["users"].append(name))

    def execve(_, command, variables):
        seen.update(command=command, variables=variables)

    monkeypatch.setattr(os, "execve", execve)
    return seen


def test_a_container_started_as_root_trains_as_the_images_user(begun, monkeypatch):
    monkeypatch.setenv("TRAINING_USER", "trainer")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    start.main(["train"])
    assert begun["users"] == ["trainer"]
    assert begun["command"][1:] == ["-m", "training_jobs.model.train", "train"]


def test_a_container_started_as_another_user_keeps_that_user(begun, monkeypatch):
    monkeypatch.setenv("TRAINING_USER", "trainer")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    start.main(["train"])
    assert begun["users"] == []


def test_the_user_is_unchanged_outside_a_container(begun, monkeypatch):
    monkeypatch.delenv("TRAINING_USER", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    start.main(["train", "--prefix", "/somewhere"])
    assert begun["users"] == []
    assert begun["command"][-2:] == ["--prefix", "/somewhere"]


def test_training_uses_one_thread_on_any_machine(begun, monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "8")
    start.main(["train"])
    assert begun["variables"]["OPENBLAS_NUM_THREADS"] == "1"
    assert begun["variables"]["OMP_NUM_THREADS"] == "1"


IMPORTED_BY_THE_START = """
import sys
before = set(sys.modules)
import training_jobs.model.start
names = {name.partition(".")[0] for name in set(sys.modules) - before}
print(*sorted(names - sys.stdlib_module_names))
"""


def test_only_own_code_is_imported_as_root():
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED_BY_THE_START],
        capture_output=True,
        text=True,
        check=True,
        cwd=PROJECT,
    )
    assert done.stdout.split() == ["training_jobs"]
