import gzip
import io
import tarfile
from datetime import UTC, datetime

import pytest

from stresswatch.versions.model_version import (
    MANIFEST_FILE,
    MODEL_FILE,
    VERSION_FILES,
    InvalidModelVersion,
    Manifest,
    sha256,
    unpack_model_archive,
    version_name,
)


def manifest(files):
    return Manifest(
        version="v1",
        created_at="2026-11-23T00:00:00+00:00",
        files={name: sha256(content) for name, content in files.items()},
        dataset_sha256="d",
        posts={"train": 1},
        hyperparameters={"k": 5},
        selected_features=("sentiment",),
        parity=0.0,
        metrics={},
        parent=None,
        training_job="job",
        code_commit="c",
    )


def version_files():
    files = {name: name.encode() for name in VERSION_FILES if name != MANIFEST_FILE}
    return files | {MANIFEST_FILE: manifest(files).to_bytes()}


def pack(members):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for member, content in members:
            info = tarfile.TarInfo(member) if isinstance(member, str) else member
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def link(name, target):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, target
    return info


def test_a_training_jobs_archive_is_unpacked():
    files = version_files()
    assert unpack_model_archive(pack(files.items())) == files


def test_a_manifest_round_trips():
    written = manifest({"a": b"b"})
    assert Manifest.from_bytes(written.to_bytes()) == written


@pytest.mark.parametrize(
    "surplus",
    [
        ("../model.npz", b"x"),
        ("/etc/passwd", b"x"),
        ("code.py", b"x"),
        (MODEL_FILE, b"a second one"),
        (link("evaluation.json", "/etc/passwd"), b""),
    ],
)
def test_an_archive_with_an_unexpected_member_is_rejected(surplus):
    with pytest.raises(InvalidModelVersion):
        unpack_model_archive(pack([*version_files().items(), surplus]))


def test_an_archive_with_a_missing_file_is_rejected():
    files = version_files()
    del files["reference.parquet"]
    with pytest.raises(InvalidModelVersion, match=r"lacks reference\.parquet"):
        unpack_model_archive(pack(files.items()))


def test_a_file_with_a_wrong_digest_is_rejected():
    with pytest.raises(InvalidModelVersion, match=r"model\.npz is not the file"):
        unpack_model_archive(pack((version_files() | {MODEL_FILE: b"altered"}).items()))


@pytest.mark.parametrize(
    "data",
    [b"", b"no archive", gzip.compress(b"no tar" * 1000, mtime=0)],
    ids=["empty", "text", "gzip"],
)
def test_an_invalid_archive_is_rejected(data):
    with pytest.raises(InvalidModelVersion):
        unpack_model_archive(data)


def test_a_truncated_archive_is_rejected():
    data = pack(version_files().items())
    with pytest.raises(InvalidModelVersion):
        unpack_model_archive(data[: len(data) // 2])


def test_version_names_sort_by_age():
    early = version_name(datetime(2026, 11, 23, 9, 0, 0, tzinfo=UTC), "f" * 64)
    late = version_name(datetime(2026, 11, 23, 10, 0, 0, tzinfo=UTC), "0" * 64)
    assert early < late
    assert early == "v20261123T090000-ffffffff"
