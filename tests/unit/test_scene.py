"""The scene of the documentation's pictures: its stream after the demo's scenario."""

from itertools import chain
from unittest.mock import Mock

from cli.data.synthetic import generate_posts
from docs.scene import stream


def test_each_window_is_streamed_labelled_and_measured():
    deployment, waited = Mock(), []
    stream(deployment, generate_posts()[:100], minutes=13, sleep=waited.append)
    assert sum(waited) == 13 * 60
    sent = [[key for key, _ in call.args[0]] for call in deployment.send.call_args_list]
    labelled = [
        [one.post.post_id for one in call.args[0]] for call in deployment.label.call_args_list
    ]
    assert len(sent) == 13
    assert labelled == [[*chain(*sent[:6])], [*chain(*sent[6:12])]]
    assert len(set(labelled[0])) == 300
    spans = [call.args for call in deployment.measure.call_args_list]
    assert spans[0][1] == spans[1][0]
