"""Records of training runs and search trials in MLflow, if it has an address.

A failed record never stops a training: the log names the error's type, and training continues.
After a failed start of a run or a timeout, this process does not contact the server again.
"""

from __future__ import annotations

import logging
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

from stresswatch.aws.identifiers import METRIC_NAME
from stresswatch.retraining.tracking import TRACKING_ADDRESS

LONGEST_SECONDS = 60.0
"""Time limit for one tracking step; the first one imports MLflow, and may create its database."""

_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # Files reach SageMaker's store through the server, so the job needs no permission for its
    # bucket.
    "SAGEMAKER_PRESIGNED_URL_UPLOAD_ENABLED": "true",
}
_BATCH = 100
"""Maximum parameters or tags per call: mlflow.org/docs/latest/rest-api.html#log-batch."""
_SQLITE = "sqlite:///"
_NOT_IN_A_NAME = re.compile(r"[^\w\-. /]", re.ASCII)

T = TypeVar("T")
log = logging.getLogger("tracking")
_MODEL_TRAINING = {"mlflow.experimentKind": "custom_model_development"}
"""Opens MLflow's view of runs and metrics; without it, MLflow may open the one for GenAI."""


class Tracker:
    """Records the runs of one experiment.

    Parameters
    ----------
    address : str or None
        MLflow's tracking URI; without one nothing is recorded, and the log mentions it.
    experiment : str
        The name under which MLflow groups the runs.
    longest_seconds : float
        Time limit for one step, after which MLflow is not contacted again.

    Examples
    --------
    >>> tracker = Tracker(None, "models")
    >>> with tracker.run("v1") as run:
    ...     run.log(parameters={"k": 5}, metrics={"f1": 0.8})
    """

    def __init__(
        self, address: str | None, experiment: str, longest_seconds: float = LONGEST_SECONDS
    ):
        self._address = address
        self._experiment = experiment
        self._longest_seconds = longest_seconds
        self._is_tracking = bool(address)
        if not address:
            log.info("not tracked: %s is not set", TRACKING_ADDRESS)

    @contextmanager
    def run(self, name: str) -> Iterator[Run]:
        """Record one run: finished when the block ends, failed when it raises."""
        address, experiment = self._address or "", self._experiment
        started = self.attempt("the run", lambda: _begin(address, experiment, name))
        self._is_tracking = started is not None
        run = Run(self, started)
        try:
            yield run
        except BaseException:
            run.end("FAILED")
            raise
        run.end("FINISHED")

    def attempt(self, what: str, step: Callable[[], T]) -> T | None:
        """Perform one tracking step; return None if tracking is off or the step fails."""
        if not self._is_tracking:
            return None
        done: Future[T] = Future()

        def work() -> None:
            try:
                done.set_result(step())
            except BaseException as error:
                done.set_exception(error)

        # A hanging server must block neither the training nor the process's exit.
        Thread(target=work, daemon=True).start()
        try:
            return done.result(self._longest_seconds)
        except Exception as error:
            self._is_tracking = not isinstance(error, TimeoutError)
            log.warning("MLflow did not take %s: %s; going on", what, type(error).__name__)
            return None


class Run:
    """One run's record. All methods do nothing while tracking is off."""

    def __init__(self, tracker: Tracker, started: tuple[Any, str] | None):
        self._tracker = tracker
        self._started = started

    def log(
        self,
        *,
        parameters: Mapping[str, object] | None = None,
        metrics: Mapping[str, float] | None = None,
        tags: Mapping[str, str] | None = None,
        files: Mapping[str, bytes] | None = None,
    ) -> None:
        """Add to the record.

        Parameters
        ----------
        parameters, metrics, tags : mapping
            By name. Names are encoded for MLflow; a ``/`` makes groups.
        files : mapping of str to bytes
            Content by path, such as ``curves/roc.png``; MLflow's web page shows images.
        """
        if self._started:
            client, run_id = self._started
            values = (parameters or {}, metrics or {}, tags or {})
            self._tracker.attempt("values", lambda: _log_values(client, run_id, *values))
            if files:
                self._tracker.attempt("files", lambda: _log_files(client, run_id, files))

    def end(self, status: str) -> None:
        """Close the record as ``FINISHED`` or ``FAILED``."""
        if self._started:
            client, run_id = self._started
            self._tracker.attempt("the end", lambda: client.set_terminated(run_id, status))


def evaluation_metrics(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Name each metric of `evaluate`, such as ``f1``, ``interval/f1_low`` or ``slice/ptsd/f1``.

    Community names are encoded, so that no two have the same metrics: ``slice/r.2Fptsd/f1``.
    """
    figures = _figures(metrics["overall"])
    for source, quality in metrics["slices"].items():
        name = METRIC_NAME.encode(source)
        figures |= {f"slice/{name}/{key}": value for key, value in _figures(quality).items()}
    return figures


def _figures(quality: Mapping[str, Any]) -> dict[str, float]:
    figures = {name: value for name, value in quality.items() if isinstance(value, int | float)}
    for name, (low, high) in quality["intervals"].items():
        figures |= {f"interval/{name}_low": low, f"interval/{name}_high": high}
    return figures


def _begin(address: str, experiment: str, name: str) -> tuple[Any, str]:
    for setting, value in _SETTINGS.items():
        os.environ.setdefault(setting, value)
    # Imported here, because it takes seconds and reads the settings.
    import mlflow

    logging.getLogger("alembic").setLevel(logging.WARNING)
    mlflow.set_tracking_uri(address)  # SageMaker's plugin looks for it there
    client = mlflow.MlflowClient(address)
    found = client.get_experiment_by_name(experiment)
    experiment_id = (
        found.experiment_id
        if found
        else client.create_experiment(
            experiment, artifact_location=_files_of(address), tags=_MODEL_TRAINING
        )
    )
    return client, client.create_run(experiment_id, run_name=name).info.run_id


def _files_of(address: str) -> str | None:
    """Return the location of a run's files beside a SQLite store; a server has its own."""
    if not address.startswith(_SQLITE):
        return None
    return (Path(address.removeprefix(_SQLITE)).parent / "files").as_uri()


def _log_values(
    client: Any,
    run_id: str,
    parameters: Mapping[str, object],
    metrics: Mapping[str, float],
    tags: Mapping[str, str],
) -> None:
    from mlflow.entities import Metric, Param, RunTag

    now = time.time_ns() // 1_000_000
    entities: dict[str, list[Any]] = {
        "params": [Param(_name(key), str(value)) for key, value in parameters.items()],
        "tags": [RunTag(_name(key), value) for key, value in tags.items()],
        "metrics": [Metric(_name(key), value, now, 0) for key, value in metrics.items()],
    }
    for kind, all_of_it in entities.items():
        for begin in range(0, len(all_of_it), _BATCH):
            client.log_batch(run_id, **{kind: all_of_it[begin : begin + _BATCH]})


def _log_files(client: Any, run_id: str, files: Mapping[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        client.log_artifacts(run_id, folder)


def _name(text: str) -> str:
    return _NOT_IN_A_NAME.sub(lambda found: METRIC_NAME.encode(found[0]), text)
