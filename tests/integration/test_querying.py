"""Every saved query, run on the project's own output, by an engine with Athena's SQL."""

import json
from datetime import UTC, datetime, timedelta

import pytest
import sqlglot
from sqlglot.errors import OptimizeError
from sqlglot.optimizer.qualify import qualify

from cdk_app.constructs.querying.athena_tables import TABLES, database_of, saved_queries
from stresswatch.contracts.identity import text_digest
from stresswatch.contracts.labelled_posts import LabelledPost, labelled_post_record
from stresswatch.contracts.posts import NUMERIC_FEATURES, Post
from stresswatch.contracts.predictions import (
    MONITORED_FEATURES,
    TEXT_DESCRIPTORS,
    Prediction,
    Record,
    Rejection,
)
from stresswatch.contracts.sampling import SampleShares
from stresswatch.monitoring import drift_history
from stresswatch.monitoring.live_quality import match
from stresswatch.settled.windows import Window
from stresswatch.storage import archive, quarantine
from tests.athena import Lake, projected_folders
from tests.integration.settling import settle_all
from tests.newest_labels import newest_labels

QUERIES = {query.name: query for query in saved_queries("dev")}
TABLES_BY_NAME = {table.name: table for table in TABLES}
YESTERDAY = datetime.now(UTC).replace(hour=7, minute=30) - timedelta(days=1)
KEY = b"k" * 64
TEXT = "a day that nobody else need know of"


def prediction(
    place, *, probability=0.9, at=YESTERDAY, version="v1", post_id=None, text=TEXT, key=KEY
):
    post = Post(post_id or f"post-{place}", text, (1.0,) * len(NUMERIC_FEATURES), None, "ptsd")
    descriptors = (float(len(text)), *[0.1] * (len(TEXT_DESCRIPTORS) - 1))
    return Prediction(
        f"id-{place}",
        post,
        probability,
        descriptors,
        version,
        at.isoformat(),
        text_digest=text_digest(key, text) if key else None,
    )


def record(place, data=b""):
    return Record(data, "posts", "shardId-000000000000", f"{place:06}", YESTERDAY.timestamp())


def label(post_id, value, at="2026-11-23T10:00:00Z", text=TEXT):
    labelled = LabelledPost(Post(post_id, text, (1.0,) * len(NUMERIC_FEATURES)), value, at)
    return json.dumps(labelled_post_record(labelled))


class Written:
    """Archived and settled rows, as the saved queries see them."""

    def __init__(self, aws, folder):
        self._aws = aws
        self._lake = Lake(aws.s3, folder)

    def predicted(self, *predictions):
        """Archive a batch of predictions under its records' positions, as the predictor does."""
        places = [int(one.prediction_id.removeprefix("id-")) for one in predictions]
        batch = [record(min(places)), record(max(places))]
        archive.write(self._aws.s3, "archive", batch, predictions)

    def run(self, name):
        """Run a saved query; return its rows as dictionaries."""
        settle_all(self._aws.s3)
        answer = self._lake.query(QUERIES[name].sql)
        names = [column[0] for column in answer.description]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


@pytest.fixture
def lake(aws, tmp_path):
    return Written(aws, tmp_path)


@pytest.mark.parametrize("name", QUERIES)
class TestEveryQuery:
    def test_is_one_valid_statement_in_athena_and_trino(self, name):
        for dialect in ("athena", "trino"):
            (statement,) = sqlglot.parse(QUERIES[name].sql, read=dialect)
            assert isinstance(statement, sqlglot.exp.Query)

    def test_uses_only_existing_columns(self, name):
        qualified(QUERIES[name].sql)

    def test_limits_the_days_that_it_reads(self, name):
        """Otherwise it would read the whole archive, up to the scan limit."""
        statement = sqlglot.parse_one(QUERIES[name].sql, read="athena")
        for table in statement.find_all(sqlglot.exp.Table):
            if table.db and TABLES_BY_NAME[table.name].partitions:
                assert '"date" >=' in table.parent_select.args["where"].sql("athena")

    def test_has_a_description(self, name):
        assert QUERIES[name].description.endswith(".")


def test_every_query_runs_on_empty_tables(lake):
    assert [lake.run(name) for name in QUERIES] == [[]] * len(QUERIES)


def qualified(sql):
    columns = {table.name: dict(table.columns) for table in TABLES}
    for table in TABLES:
        columns[table.name] |= dict.fromkeys(table.partitions, "string")
    statement = sqlglot.parse_one(sql, read="athena")
    return qualify(statement, schema={database_of("dev"): columns}, dialect="athena")


def test_an_unknown_column_is_detected():
    with pytest.raises(OptimizeError, match="probabilty"):
        qualified("SELECT probabilty FROM stresswatch_dev.archive")


class TestTables:
    def test_the_archive_table_has_the_columns_and_types_of_a_row(self):
        drawn = prediction(1)._replace(draw=SampleShares(0.1).draw(0.05, 0.4))
        row = drawn.archive_row() | {"created_at": "2026-11-23"}
        kinds = {str: "string", bool: "boolean", float: "double"}
        assert TABLES_BY_NAME["archive"].columns == {
            name.lower(): kinds[type(value)] for name, value in row.items()
        }

    def test_the_archive_projection_covers_the_objects_of_each_hour(self, lake, aws):
        for hour in range(24):
            lake.predicted(prediction(1, at=YESTERDAY.replace(hour=hour)))
        written = {f"{key.rpartition('/')[0]}/" for key in aws.keys("archive")}
        assert len(written) == 24
        assert written <= projected_folders(TABLES_BY_NAME["archive"])

    def test_the_quarantine_table_omits_payload_and_detail(self, aws):
        quarantine.write(aws.s3, "quarantine", [Rejection(record(1), "not_json", "no JSON")])
        (key,) = aws.keys("quarantine")
        written = json.loads(aws.body("quarantine", key))
        unlisted = set(written) - set(TABLES_BY_NAME["quarantine"].columns)
        assert unlisted == {"payload_base64", "detail"}
        assert set(TABLES_BY_NAME["quarantine"].columns) <= set(written)

    def test_the_labels_table_omits_text(self):
        fields = json.loads(label("post-1", 1))
        assert set(TABLES_BY_NAME["labels"].columns) < set(fields)
        assert "text" not in TABLES_BY_NAME["labels"].columns


class TestVolumeByHour:
    def test_posts_are_counted_by_hour_and_redelivered_ones_once(self, lake):
        lake.predicted(prediction(1), prediction(2))
        later = YESTERDAY + timedelta(hours=1)
        lake.predicted(prediction(2, at=later, version="v2"), prediction(3, at=later))
        lake.predicted(prediction(4, at=later))
        day = f"{YESTERDAY:%Y-%m-%d}"
        assert lake.run("volume_by_hour") == [
            {"date": day, "hour": "07", "posts": 2, "communities": 1},
            {"date": day, "hour": "08", "posts": 2, "communities": 1},
        ]

    def test_posts_older_than_a_week_are_omitted(self, lake):
        lake.predicted(prediction(1, at=YESTERDAY - timedelta(days=8)))
        assert lake.run("volume_by_hour") == []


class TestCalledRateByDay:
    def test_the_rows_equal_those_of_the_archive_reader(self, lake, aws):
        """A promotion between two deliveries changes neither result."""
        lake.predicted(*[prediction(n, probability=0.9) for n in range(30)])
        later = YESTERDAY + timedelta(minutes=5)
        lake.predicted(*[prediction(n, probability=0.1, at=later, version="v2") for n in range(40)])
        rows = archive.read(
            aws.s3, "archive", YESTERDAY - timedelta(days=1), YESTERDAY + timedelta(days=1)
        )
        (day,) = lake.run("called_rate_by_day")
        assert day["posts"] == len(rows) == 40
        assert day["called_rate"] == sum(row["stressed"] for row in rows) / 40 == 0.75
        assert day["mean_probability"] == pytest.approx(0.7)

    def test_the_older_version_of_two_simultaneous_deliveries_counts(self, lake):
        lake.predicted(prediction(1, probability=0.1, version="v2"))
        lake.predicted(prediction(1, probability=0.9, version="v1"))
        assert [day["called_rate"] for day in lake.run("called_rate_by_day")] == [1]

    def test_each_day_has_a_row(self, lake):
        lake.predicted(prediction(1))
        lake.predicted(prediction(2, probability=0.2, at=YESTERDAY - timedelta(days=2)))
        assert [day["called_rate"] for day in lake.run("called_rate_by_day")] == [0, 1]


class TestCalibration:
    def labelled(self, aws, *lines):
        aws.put("training", "labels/some.jsonl", "\n".join(lines).encode())

    def test_probabilities_and_positive_shares_are_given_per_bin(self, lake, aws):
        lake.predicted(*[prediction(n, probability=0.82) for n in range(5)])
        lake.predicted(*[prediction(n, probability=0.14) for n in range(5, 10)])
        lake.predicted(prediction(10, probability=1.0))
        self.labelled(aws, *[label(f"post-{n}", int(n in (0, 1, 2, 3, 5, 10))) for n in range(11)])
        assert [tuple(row.values()) for row in lake.run("calibration")] == [
            ("v1", 1, 5, pytest.approx(0.14), 0.2),
            ("v1", 8, 5, pytest.approx(0.82), 0.8),
            ("v1", 9, 1, 1.0, 1.0),
        ]

    def test_labels_and_predictions_are_matched_as_in_live_quality(self, lake, aws):
        """The newest label of a post, its first prediction, and objects that break the contract."""
        lake.predicted(prediction(1, probability=0.9, post_id="twice"))
        lake.predicted(
            prediction(2, probability=0.2, post_id="twice", at=YESTERDAY + timedelta(hours=1))
        )
        lake.predicted(prediction(3, post_id="true"), prediction(4, post_id="undated"))
        lines = [
            label("twice", 0, "2026-11-23T12:00:00+02:00"),
            label("twice", 1, "2026-11-23T10:30:00Z"),
            label("twice", 0, "2026-11-23T09:00:00"),
            label("true", True),
            label("undated", 1, at=None),
            label("unseen", 1),
            "no JSON at all",
        ]
        self.labelled(aws, *lines)
        rows = archive.read(
            aws.s3, "archive", YESTERDAY - timedelta(days=1), YESTERDAY + timedelta(days=1)
        )
        known = newest_labels([line.encode() for line in lines], KEY)
        (scored,) = match(known, rows, "v1").scored
        (row,) = lake.run("calibration")
        assert (row["mean_probability"], row["positive_share"]) == (scored.probability, 1)
        assert scored.label == 1

    @pytest.mark.parametrize(
        ("key", "text"), [(KEY, "more"), (KEY, TEXT[::-1]), (None, "of another length")]
    )
    def test_an_id_of_several_texts_is_omitted(self, lake, aws, key, text):
        """Told by the digest, also for texts of one length; without a digest, by the length."""
        lake.predicted(
            prediction(1, post_id="long", key=key),
            prediction(2, post_id="long", text=text, key=key),
        )
        self.labelled(aws, label("long", 1))
        assert lake.run("calibration") == []

    def test_each_version_has_a_row(self, lake, aws):
        lake.predicted(prediction(1))
        lake.predicted(prediction(2, version="v2"))
        self.labelled(aws, label("post-1", 1), label("post-2", 1))
        assert [row["model_version"] for row in lake.run("calibration")] == ["v1", "v2"]


class TestQuarantineReasons:
    def test_reasons_are_counted_with_their_first_position(self, lake, aws):
        first, second, third = (
            record(1),
            record(2)._replace(arrival=YESTERDAY.timestamp() + 60),
            record(3),
        )
        rejections = [
            Rejection(second, "not_json", "no JSON"),
            Rejection(first, "not_json", "no JSON"),
        ]
        quarantine.write(
            aws.s3, "quarantine", [*rejections, Rejection(third, "text_empty", "blank")]
        )
        rows = lake.run("quarantine_reasons")
        assert [(row["reason"], row["records"]) for row in rows] == [
            ("not_json", 2),
            ("text_empty", 1),
        ]
        assert rows[0]["first_position"] == f"{first.shard}/{first.sequence_number}"
        assert rows[0]["first_arrival"] == first.arrived_at.isoformat()
        assert rows[0]["last_arrival"] == second.arrived_at.isoformat()


class TestDriftByWindow:
    WINDOW = Window(YESTERDAY - timedelta(hours=1), YESTERDAY)

    def test_the_row_of_a_window_names_the_drifted_features(self, lake, aws):
        columns = {
            name: {"drifted": name in MONITORED_FEATURES[:2]} for name in MONITORED_FEATURES[:-1]
        }
        failed = {MONITORED_FEATURES[-1]: "too few values"}
        found = drift_history.WindowDrift(
            self.WINDOW, "v1", "measured", 900, 900, 0.8, 2 / 13, columns, failed
        )
        drift_history.write(aws.s3, "archive", found)
        (row,) = lake.run("drift_by_window")
        assert row["drifted"] == ", ".join(sorted(MONITORED_FEATURES[:2]))
        assert (row["status"], row["posts"], row["failed_comparisons"]) == ("measured", 900, 1)
        assert row["window_end"].replace(tzinfo=UTC) == YESTERDAY.replace(
            microsecond=YESTERDAY.microsecond // 1000 * 1000
        )

    def test_an_unmeasured_window_has_only_its_status(self, lake, aws):
        found = drift_history.WindowDrift(self.WINDOW, None, "no_champion", 7)
        drift_history.write(aws.s3, "archive", found)
        (row,) = lake.run("drift_by_window")
        assert (row["status"], row["drifted_share"], row["drifted"]) == ("no_champion", None, None)
