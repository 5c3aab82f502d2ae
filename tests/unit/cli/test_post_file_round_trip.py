"""Any table of valid posts, as other programs write it, is read as the same posts."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli.post_files import PostFile, Wanted
from cli.post_files.values import MISSING_WORDS
from stresswatch.contracts.labelled_posts import parse_record
from stresswatch.contracts.posts import NUMERIC_FEATURES, parse_post
from stresswatch.text.normalisation import canonical
from stresswatch.text.removal_notices import is_removal_notice

TEXTS = st.text(
    # Half a pair is invalid Unicode, pandas leaves a lone carriage return unquoted, texts lack NUL.
    st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"),
    min_size=1,
    max_size=60,
).filter(lambda text: text.strip() and canonical(text) and not is_removal_notice(canonical(text)))
A_FLOAT = re.compile(r"[+-]?\d+[.,]0+|[+-]?\d(\.\d+)?e\+\d\d")
NAMES = TEXTS.filter(
    lambda name: name.strip().lower() not in MISSING_WORDS and not A_FLOAT.fullmatch(name.strip())
)
NUMBERS = st.none() | st.integers(-(10**6), 10**6).map(lambda eighths: eighths / 8)


def times(last: str) -> st.SearchStrategy[str | None]:
    moments = st.datetimes(min_value=pd.Timestamp("2001-01-01"), max_value=pd.Timestamp(last))
    return st.none() | moments.map(lambda timestamp: timestamp.isoformat())


POSTS = st.fixed_dictionaries(
    {
        "post_id": NAMES,
        "text": TEXTS,
        **dict.fromkeys(NUMERIC_FEATURES, NUMBERS),
        "source": st.none() | NAMES,
        "created_at": times("2100-01-01"),
        "label": st.sampled_from([0, 1]),
        "confidence": st.integers(0, 8).map(lambda eighths: eighths / 8),
        "labelled_at": times("2026-01-01"),  # labels are never in the future
    }
)


def excel(records, delimiter: str, encoding: str, begins: str = "", comma: bool = False) -> bytes:
    def cell(value):
        if isinstance(value, float) and comma:
            return str(value).replace(".", ",")
        return value

    text = io.StringIO(newline="")
    text.write(begins)
    writer = csv.DictWriter(text, list(records[0]), dialect="excel", delimiter=delimiter)
    writer.writeheader()
    writer.writerows({name: cell(value) for name, value in one.items()} for one in records)
    return text.getvalue().encode(encoding)


def parquet(records) -> bytes:
    file = io.BytesIO()
    pd.DataFrame(records).to_parquet(file)
    return file.getvalue()


def pandas_json(records, **options) -> bytes:
    frame = pd.DataFrame(records)
    return frame.to_json(orient="records", lines=True, double_precision=15, **options).encode()


def json_lines(records, **options) -> bytes:
    return "".join(json.dumps(one, **options) + "\n" for one in records).encode()


WRITERS = {
    "pandas CSV": lambda records: pd.DataFrame(records).to_csv(index=False).encode(),
    "pandas CSV with its index": lambda records: pd.DataFrame(records).to_csv().encode(),
    "pandas TSV": lambda records: pd.DataFrame(records).to_csv(index=False, sep="\t").encode(),
    "pandas JSON Lines": pandas_json,
    "pandas JSON Lines, not ASCII": lambda records: pandas_json(records, force_ascii=False),
    "pandas Parquet": parquet,
    "Excel CSV UTF-8": lambda records: excel(records, ",", "utf-8-sig"),
    "Excel CSV with semicolons": lambda records: excel(records, ";", "utf-8-sig", comma=True),
    "Excel CSV with its separator": lambda records: excel(records, ";", "utf-8", "sep=;\r\n"),
    "Excel Unicode text": lambda records: excel(records, "\t", "utf-16"),
    "jq -c": lambda records: json_lines(records, separators=(",", ":"), ensure_ascii=False),
    "jq -ac": lambda records: json_lines(records, separators=(",", ":")),
    "a shouting header": lambda records: json_lines(
        [{f" {name.upper()}": value for name, value in one.items()} for one in records]
    ),
}


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzipped"])
@pytest.mark.parametrize("writer", WRITERS)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(records=st.lists(POSTS, min_size=1, max_size=5))
def test_posts_written_by_common_tools_are_read_back_unchanged(writer, packed, records):
    content = WRITERS[writer](records)
    given = [{name: value for name, value in one.items() if value is not None} for one in records]
    with TemporaryDirectory() as folder:
        file = Path(folder) / "posts"
        file.write_bytes(gzip.compress(content) if packed else content)
        posts = list(PostFile(file).posts())
        labelled = list(PostFile(file, Wanted.LABELS).labelled_posts())
    assert repr(posts) == repr([parse_post(json.dumps(one).encode()) for one in given])
    assert repr(labelled) == repr([parse_record(one) for one in given])
