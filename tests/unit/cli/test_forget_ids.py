"""An id is found as the reader of files returns it, in every type, format and spelling."""

import io
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cli.forget.removal import posts_file
from tests.unit.cli.test_forget_forms import payload_left


@pytest.mark.parametrize("number", ["7", "7.0", "7e0", '"7"', '"7.0"', '" 7 "', '" 7.00\\n"'])
def test_a_whole_number_is_the_same_id_in_every_type(number):
    for data in (f'{{"post_id": {number}, "text": ""}}', f'[{{"post_id": {number}}}]'):
        assert payload_left(data.encode(), frozenset(["7"])) is None


@pytest.mark.parametrize("written", ['"p 1"', '" p 1"', '"\\tp 1 "'])
def test_whitespace_around_an_id_is_ignored(written):
    line = f'{{"post_id": {written}, "text": "words"}}\n'
    assert posts_file(line.encode(), frozenset(["p 1"])).body == b""


@pytest.mark.parametrize(
    ("separator", "cell", "post_id"),
    [
        (",", " 7.0 ", "7"),
        (",", "1e+05", "100000"),
        (",", "7.5", "7.5"),
        (";", "7,0", "7"),
        ("\t", "1.5e+16", "15000000000000000"),
    ],
)
def test_a_csv_row_is_found_by_its_parsed_id(separator, cell, post_id):
    body = f"text{separator}post_id\nwords{separator}{cell}\n".encode()
    assert posts_file(body, frozenset([post_id])).removed == {post_id: 1}


@pytest.mark.parametrize("cell", [7.5, "7.5", Decimal("7.5"), b"7.5"])
def test_a_parquet_row_of_any_id_type_is_found_by_its_parsed_id(cell):
    body = io.BytesIO()
    pq.write_table(pa.table({"post_id": [cell, None], "text": ["words", "more"]}), body)
    assert posts_file(body.getvalue(), frozenset(["7.5"])).removed == {"7.5": 1}


@pytest.mark.parametrize("number", ["70", "7.5", "true", "null", '"7.5"', "[7]", "-7"])
def test_a_different_value_is_a_different_id(number):
    data = f'{{"post_id": {number}, "text": ""}}'.encode()
    assert payload_left(data, frozenset(["7"])) == data
