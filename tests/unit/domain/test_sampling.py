from hashlib import sha256

from stresswatch.monitoring.sampling import sample


def rows(count):
    return [
        {"prediction_id": sha256(str(place).encode()).hexdigest()[:32], "place": place}
        for place in range(count)
    ]


def test_of_few_rows_all_are_kept():
    found = sample(iter(rows(10)), 10)
    assert (len(found.rows), found.posts) == (10, 10)


def test_of_many_rows_the_same_ones_are_kept_in_whatever_order_they_come():
    forwards, backwards = sample(rows(1000), 100), sample(reversed(rows(1000)), 100)
    assert (len(forwards.rows), forwards.posts) == (100, 1000)
    assert forwards == backwards


def test_rows_are_kept_by_lot():
    places = [row["place"] for row in sample(rows(10_000), 1000).rows]
    by_tenth = [sum(place // 1000 == tenth for place in places) for tenth in range(10)]
    # 100 are expected of each, with a standard deviation below 10.
    assert min(by_tenth) > 60
    assert max(by_tenth) < 140


def test_rows_that_are_not_kept_take_no_memory():
    class Row(dict):
        alive = most = 0

        def __init__(self, row):
            super().__init__(row)
            Row.alive += 1
            Row.most = max(Row.most, Row.alive)

        def __del__(self):
            Row.alive -= 1

    sample(map(Row, rows(2000)), 50)
    assert Row.most <= 52
