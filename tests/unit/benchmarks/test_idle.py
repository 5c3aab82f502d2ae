"""The benchmark of an idle stack counts the processor time of all of the stack's processes."""

import subprocess
import sys

import pytest

from benchmarks.idle import lines, percentile, processor_seconds

BURN = "import time\nwhile time.process_time() < 0.3: pass\n"
PARENT = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {BURN + "print('done', flush=True); input()"!r}])
subprocess.run([sys.executable, "-c", {BURN!r}], check=True)
print("ended", flush=True)
child.wait()
"""


def test_processes_that_a_process_started_count_ended_or_not():
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert {parent.stdout.readline(), parent.stdout.readline()} == {"done\n", "ended\n"}
        spent = processor_seconds(parent.pid)
        parent.communicate("\n")
    assert spent >= 0.55  # twice 0.3, in ticks of the clock


@pytest.mark.parametrize(
    ("seconds", "percent", "expected"),
    [([0.5], 99, 0.5), ([1.0, 2.0, 4.0], 50, 2.0), ([float(n) for n in range(101)], 99, 99.0)],
)
def test_percentiles_are_interpolated(seconds, percent, expected):
    assert percentile(seconds, percent) == pytest.approx(expected)


def test_a_kind_of_posts_that_was_not_sent_is_left_out():
    result = {
        "machine": "m",
        "load_average": 1.0,
        "share_without_champion": 0.013,
        "share_with_champion": 0.025,
        "in_use": [0.5, 1.5],
        "after_rest": [],
    }
    assert list(lines(result)) == [
        "m, load average 1.0",
        "idle, without a champion: 1.3% of a core",
        "idle, with a champion: 2.5% of a core",
        "from post to prediction, in use: p50 1.00 s, p99 1.49 s (2 posts)",
    ]
