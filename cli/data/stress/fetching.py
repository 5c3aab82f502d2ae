"""Fetch the Dreaddit data set from its authors' page, or from a file or address."""

from __future__ import annotations

import http.client
import io
import re
import ssl
import urllib.error
import urllib.request
import zipfile
import zlib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import truststore

from cli.data.stress.dreaddit import TEST_FILE, TRAIN_FILE, parse_csv
from cli.errors import OperatorError
from stresswatch.text.wording import counted

ADDRESS = "https://www.cs.columbia.edu/~eturcan/data/dreaddit.zip"
ROWS = {TRAIN_FILE: 2838, TEST_FILE: 715}
"""Files of the data set, with their numbers of rows."""
COLUMNS = ("subreddit", "post_id", "sentence_range", "text", "label")
"""Columns that identify the data set."""
MAXIMUM_BYTES = 50 * 1024 * 1024
"""Limit for the download and for its unpacked content; the data set has less than 4 MB."""

_DOWNLOADED = ("http://", "https://")
_CERTIFICATE_REMEDY = (
    "If TLS is inspected here, add the inspection's certificate to the machine's, or name it in "
    "SSL_CERT_FILE."
)
_NETWORK_REMEDY = "Check the network connection and its proxy."
_OTHER_WAYS = (
    "You can also download the file in a browser, and run `stresswatch data fetch --from FILE`. "
    "To continue without real posts, run `stresswatch data synthesize train.jsonl stream.jsonl`."
)


@dataclass(frozen=True)
class Split:
    """The contents of a file of the data set.

    Attributes
    ----------
    rows : int
    unweighted : int
        Rows with `confidence` 0: valid labels without weight in training.
    """

    rows: int
    unweighted: int = 0

    def __str__(self) -> str:
        if not self.unweighted:
            return counted(self.rows, "post")
        return (
            f"{counted(self.rows, 'post')}, {self.unweighted:,} of them with confidence 0: they "
            "count in evaluation and have no weight in training"
        )


def fetch(source: str, directory: Path) -> dict[str, Split]:
    """Fetch the data set from a zip or CSV, a file or an address, into a directory.

    Nothing is written unless every file found is whole and valid.

    Returns
    -------
    dict of str to Split
        By file.

    Raises
    ------
    OperatorError
        When the source cannot be read, or is not the data set.
    """
    found = _files(source, _read(source))
    for name, content in found.items():
        _require_columns(name if len(found) > 1 else source, content)
    splits = {name: _split(content, name) for name, content in found.items()}
    for name, split in splits.items():
        if split.rows != ROWS[name]:
            raise OperatorError(
                f"{name} has {counted(split.rows, 'row')} where Dreaddit has {ROWS[name]:,}: "
                "it is incomplete, or another data set."
            )
    _write(found, directory)
    return splits


def _require_columns(name: str, content: bytes) -> None:
    """Reject a file without the data set's columns, such as synthetic posts."""
    header = content.partition(b"\n")[0].decode("utf-8-sig", errors="replace")
    names = {cell.strip().strip('"') for cell in header.split(",")}
    if missing := [column for column in COLUMNS if column not in names]:
        raise OperatorError(
            f"{name} is not Dreaddit: its first row does not name {', '.join(missing)}."
        )


def _split(content: bytes, name: str) -> Split:
    posts = parse_csv(content, name)
    return Split(len(posts), sum(post.confidence == 0 for post in posts))


def _read(source: str) -> bytes:
    try:
        content = _read_address(source) if "://" in source else _read_file(Path(source))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise OperatorError(_unreadable(source, error)) from error
    if len(content) > MAXIMUM_BYTES:
        raise OperatorError(f"{source} is not Dreaddit: it has over {MAXIMUM_BYTES:,} bytes.")
    return content


def _unreadable(source: str, error: Exception) -> str:
    """Describe a source that cannot be read, and the ways out."""
    # urlopen wraps the cause of a network error.
    happened = error.reason if type(error) is urllib.error.URLError else error
    why = getattr(happened, "strerror", None) or happened
    if not source.startswith(_DOWNLOADED):
        return f"{source} cannot be read: {why}. Pass the data set's zip or CSV file to --from."
    is_certificate = isinstance(happened, ssl.SSLCertVerificationError)
    remedy = _CERTIFICATE_REMEDY if is_certificate else _NETWORK_REMEDY
    return f"{source} cannot be downloaded: {why}. {remedy} {_OTHER_WAYS}"


def _read_file(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAXIMUM_BYTES + 1)


def _read_address(address: str) -> bytes:
    if not address.startswith((*_DOWNLOADED, "file://")):
        raise ValueError("only http, https and file addresses are known")
    # The machine's certificates, which include those of a company's TLS inspection.
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with urllib.request.urlopen(  # noqa: S310 - checked above
        address, timeout=60, context=context
    ) as answer:
        content: bytes = answer.read(MAXIMUM_BYTES + 1)
    return content


def _files(source: str, content: bytes) -> dict[str, bytes]:
    """Return the data set's files by name; a single CSV of another name is the training split.

    Files in a zip are identified by their base name in any folder, so paths in the zip have no
    effect.
    """
    if not content.startswith(b"PK"):
        name = source.rpartition("/")[2]
        return {name if name in ROWS else TRAIN_FILE: content}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = _members(archive)
            if TRAIN_FILE not in members:
                raise OperatorError(f"{source} does not contain {TRAIN_FILE}.")
            every = [info for infos in members.values() for info in infos]
            if sum(info.file_size for info in every) > MAXIMUM_BYTES:
                raise OperatorError(f"{source} unpacks to over {MAXIMUM_BYTES:,} bytes.")
            return {name: _content(archive, infos, source) for name, infos in members.items()}
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise OperatorError(f"{source} is a damaged zip: {error}.") from error
    except (RuntimeError, NotImplementedError) as error:  # zipfile raises these
        raise OperatorError(f"{source} is encrypted or packed in an unknown way.") from error


def _members(archive: zipfile.ZipFile) -> dict[str, list[zipfile.ZipInfo]]:
    """Find the data set's files; zips from Windows may have backslashes and other cases."""
    members: defaultdict[str, list[zipfile.ZipInfo]] = defaultdict(list)
    for info in archive.infolist():
        name = re.split(r"[/\\]", info.filename)[-1].lower()
        if name in ROWS:
            members[name].append(info)
    return {name: members[name] for name in ROWS if name in members}


def _content(archive: zipfile.ZipFile, infos: list[zipfile.ZipInfo], source: str) -> bytes:
    contents = {archive.read(info) for info in infos}
    if len(contents) > 1:
        places = ", ".join(info.filename for info in infos)
        raise OperatorError(
            f"{source} holds different files of one name ({places}); unpack it, and give the right "
            "one with --from."
        )
    return contents.pop()


def _write(files: dict[str, bytes], directory: Path) -> None:
    """Write each file atomically."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            part = directory / f"{name}.part"
            part.write_bytes(content)
            part.replace(directory / name)
    except OSError as error:
        raise OperatorError(f"{directory} cannot be written: {error.strerror}.") from error
