"""Parameters of a query replace exactly its question marks."""

import pytest

from local.emulator.athena_queries import with_parameters


def test_each_parameter_replaces_its_question_mark():
    query = "SELECT * FROM t WHERE a = ? AND b >= cast(? AS timestamp)"
    assert with_parameters(query, ["'it''s ?'", "7"]) == (
        "SELECT * FROM t WHERE a = 'it''s ?' AND b >= cast(7 AS timestamp)"
    )


@pytest.mark.parametrize("text", ["'?'", '"?"', "-- ?\n", "/* ? */"])
def test_question_marks_in_strings_and_comments_are_kept(text):
    assert with_parameters(f"SELECT {text} 1, ?", ["2"]) == f"SELECT {text} 1, 2"


@pytest.mark.parametrize("parameters", [[], ["1"], ["1", "2", "3"]])
def test_a_wrong_number_of_parameters_is_rejected(parameters):
    assert with_parameters("SELECT ?, ?", parameters) is None


def test_a_query_without_parameters_is_unchanged():
    assert with_parameters("SELECT 1", []) == "SELECT 1"
