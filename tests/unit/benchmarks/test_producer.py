"""The producer's benchmark measures both ways on the same posts."""

from benchmarks.load.producer import measure, show


class Stream:
    def __init__(self):
        self.sizes = []

    def put_records(self, StreamName, Records):  # noqa: N803 - boto3's names
        self.sizes.append(len(Records))
        result = {"ShardId": "s", "SequenceNumber": "1"}
        return {"FailedRecordCount": 0, "Records": [result] * len(Records)}


def test_both_producers_send_every_post_in_each_round(capsys):
    stream = Stream()
    result = measure(stream, count=700, rounds=1)
    assert sum(stream.sizes) == 700 * 2 * 2 * 2  # ways, clocks, the round that is not counted
    assert set(result["posts_per_second"]) == {"producer", "bare_boto3"}
    assert result["posts_per_second"]["producer"]["median"] > 0
    show(result)
    assert "bare boto3" in capsys.readouterr().out
