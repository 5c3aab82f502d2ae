"""The time span of a query: its bounds, and the folders that hold its rows."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from stresswatch.settled.queries import LONGEST_WINDOW, span, timestamp

START = datetime(2026, 11, 30, 8, 15, tzinfo=UTC)
moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))


def is_asked(parameters, day, hour):
    """Return whether the folder of a day and hour is read, according to `IN_SPAN`."""
    first, _, first_hour, last, _, last_hour = parameters[2:]
    return (
        first <= day <= last
        and (day > first or hour >= first_hour)
        and (day < last or hour <= last_hour)
    )


def test_a_span_includes_folders_from_a_day_earlier():
    end = START + timedelta(hours=20)
    assert span(START, end) == [
        *("2026-11-30 08:15:00.000", "2026-12-01 04:15:00.000"),
        *("2026-11-29", "2026-11-29", "08"),
        *("2026-12-01", "2026-12-01", "04"),
    ]


def test_times_are_written_in_utc():
    india = timezone(timedelta(hours=5, minutes=30))
    assert span(START.astimezone(india), (START + timedelta(hours=1)).astimezone(india)) == span(
        START, START + timedelta(hours=1)
    )


@given(moments, st.timedeltas(timedelta(milliseconds=1), timedelta(days=9)), st.data())
def test_every_folder_with_matching_rows_is_read(start, length, data):
    """A row is in the folder of the hour in which its window began."""
    at = start + data.draw(st.timedeltas(timedelta(0), length - timedelta(microseconds=1)))
    window = at - data.draw(st.timedeltas(timedelta(0), LONGEST_WINDOW))
    assert is_asked(span(start, start + length), f"{window:%Y-%m-%d}", f"{window:%H}")


@given(moments, moments)
def test_rounding_a_bound_keeps_every_row_on_its_side(bound, row):
    row = row.replace(microsecond=row.microsecond // 1000 * 1000)
    written = f"{row:%Y-%m-%d %H:%M:%S}.{row.microsecond // 1000:03}"
    assert (written >= timestamp(bound)) == (row >= bound)
