"""Time and memory of a whole process from its start to the first score."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import joblib

from benchmarks.timing import Spread, Work, speedup, time_in_turns
from stresswatch.model.artefact import Artefact

_COLD_STARTS = 7
_START_OURS = """
import numpy
from lambdas.predictor.handler import handler
from stresswatch.model.artefact import Artefact
artefact = Artefact.from_bytes(open({path!r}, "rb").read())
artefact.score(["I cannot sleep"], numpy.zeros((1, len(artefact.numeric_features))))
"""
_START_JOBLIB = """
import joblib
import pandas
from stresswatch.contracts.posts import NUMERIC_FEATURES
post = pandas.DataFrame([dict.fromkeys(NUMERIC_FEATURES, 0.0) | {{"text": "I cannot sleep"}}])
joblib.load({path!r}).predict_proba(post[["text", *NUMERIC_FEATURES]])
"""
# Linux counts the peak of `getrusage` from before the process was replaced; this one is its own.
_PEAK = "print(*(l.split()[1] for l in open('/proc/self/status') if l.startswith('VmHWM')))"


def cold_starts(artefact: Artefact, pipeline: Any) -> dict[str, Any]:
    """Time whole processes that import, load and score one post."""
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Path(folder) / "model.npz", Path(folder) / "model.joblib"
        ours.write_bytes(artefact.to_bytes())
        joblib.dump(pipeline, theirs)
        codes = {
            "predictor": _START_OURS.format(path=str(ours)),
            "scikit_learn_with_joblib": _START_JOBLIB.format(path=str(theirs)),
            "python_alone": "",
        }
        peaks: dict[str, list[float]] = {name: [] for name in codes}
        works = {name: Work(_process(code, peaks[name])) for name, code in codes.items()}
        seconds = time_in_turns(works, _COLD_STARTS, clock=time.perf_counter)
    share = speedup(seconds["scikit_learn_with_joblib"], seconds["predictor"])
    figures = {
        name: {"seconds": asdict(Spread.of(each)), "peak_mb": max(peaks[name])}
        for name, each in seconds.items()
    }
    return figures | {"share_of_joblib": asdict(share)}


def _process(code: str, peaks: list[float]) -> Callable[[], None]:
    def run() -> None:
        done = subprocess.run(  # noqa: S603 - our own code
            [sys.executable, "-c", code + _PEAK], capture_output=True, text=True, check=True
        )
        peaks.append(int(done.stdout.split()[-1]) / 1024)

    return run
