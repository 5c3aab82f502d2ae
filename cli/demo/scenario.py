"""The scenario: a model serves a stream, its posts drift, and a gated retraining replaces it."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import numpy as np

from cli.demo.posts import INVALID_RECORDS, DemoPosts
from cli.demo.rates import label_drawn, rate_words, rates_of
from cli.demo.summary import Change, DriftWindow, Summary
from cli.demo.terminal import Act, View, drift_words
from cli.deployment.client import DeploymentClient, payload, wait_for
from cli.deployment.consumer import Consumer
from cli.errors import DemoFailed, OperatorError
from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.evaluation.metrics import Quality, measure
from stresswatch.evaluation.paired_bootstrap import compare
from stresswatch.retraining.check_words import results_in_words
from stresswatch.retraining.gate_checks import BASELINE_F1
from stresswatch.retraining.triggers import DRIFT_ALARM, TRIGGER
from stresswatch.task.definition import TASK
from stresswatch.versions.champion import Pointer

CHANGED: dict[str, dict[str, object]] = {
    "labelling": {"label_sample_share": 0.5},
    "retraining": {"tracking_experiment": f"{TASK.name}-demo"},
}
"""Changed settings: few posts need a large sample, and MLflow records the demo separately."""

_LONGEST_SECONDS = 1800.0
"""Timeout in seconds, generous because a busy machine is slow."""
_QUIET_SECONDS = 3.0
"""How long the alarm and the stream must stay unchanged."""


@dataclass
class Scenario:
    """Play the acts on a deployed stack, and record the results."""

    deployment: DeploymentClient
    consumer: Consumer
    posts: DemoPosts
    view: View
    summary: Summary

    def __post_init__(self) -> None:
        self._sent: dict[str, LabelledPost] = {}

    def play(self) -> None:
        """Play every act.

        Raises
        ------
        OperatorError
            When the loop behaves in an unexpected way.
        """
        first = self._first_champion()
        for number, posts in enumerate(self.posts.quiet, start=1):
            self._quiet_window(f"like training data, {number}", posts)
        before = self._unseen_window()
        execution = self._alarm_starts_retraining()
        second = self._retraining(execution)
        after = self._new_champion_serves(second)
        self._count_results(before, after)
        self.summary.champion_before, self.summary.champion_after = first.version, second.version

    def _first_champion(self) -> Pointer:
        with self.view.act("Train the first champion") as act:
            # A first invocation takes seconds: these functions start while the model trains.
            now = datetime.now(UTC)
            self.deployment.start_measurement(now - timedelta(hours=1), now)
            self.deployment.seed(self.posts.base, self.summary.data.partition(",")[0])
            execution = self.deployment.start_retraining(
                "first_champion", "There is no champion yet"
            )
            output = self._follow(execution, act)
            champion = self._champion()
            quality = _check(output, BASELINE_F1)
            act.say(
                f"{output['dataset']['posts']:,} base posts → {champion.version}, "
                f"F1 {quality['challenger']:.3f} on its base holdout"
            )
        return champion

    def _quiet_window(self, name: str, posts: Sequence[LabelledPost]) -> None:
        with self.view.act("Stream similar posts") as act:
            window = self._stream_and_measure(name, posts, act)
            if not _stays_quiet(self.deployment):
                raise DemoFailed(f"The alarm fired on the window '{name}', which does not differ.")
            self.summary.drift.append(window)
            act.say(f"{len(posts):,} posts; {drift_words(window)}")

    def _unseen_window(self) -> list[str]:
        """Return the ids of the held-out posts' predictions."""
        posts = [*self.posts.labelled, *self.posts.held_out]
        with self.view.act("Stream unseen communities") as act:
            window = self._stream_and_measure(
                "unseen communities", posts, act, labels=self.posts.labelled
            )
            _wait_for("the drift alarm to fire", lambda: self.deployment.is_alarming() or None)
            window = replace(window, alarm=True)
            self.summary.drift.append(window)
            labelled = f"{len(self.posts.labelled):,} of them labelled for the retraining"
            act.say(f"{len(posts):,} posts, {labelled}; {drift_words(window)}")
        return self._last_ids[len(self.posts.labelled) :]

    def _alarm_starts_retraining(self) -> str:
        with self.view.act("The alarm starts a retraining") as act:

            def by_alarm() -> str | None:
                for execution in self.deployment.executions():
                    described = self.deployment.describe(execution["executionArn"])
                    if json.loads(described["input"])[TRIGGER] == DRIFT_ALARM:
                        return str(execution["executionArn"])
                return None

            execution = _wait_for("the alarm to start a retraining", by_alarm)
            act.say(f"execution {execution.rpartition(':')[2][:8]}, started by EventBridge")
        return execution

    def _retraining(self, execution: str) -> Pointer:
        with self.view.act("Train, judge, promote") as act:
            before = self._champion()
            output = self._follow(execution, act)
            dataset, gate = output["dataset"], output["gate"]
            self.summary.retraining = {
                "execution": execution,
                "status": "SUCCEEDED",
                "trigger": output[TRIGGER],
                "dataset": dataset,
                "gate": gate,
            }
            if not gate["accepted"]:
                reasons = [check["name"] for check in gate["checks"] if not check["passed"]]
                raise DemoFailed(f"The gate rejected the challenger: {', '.join(reasons)}.")
            after = self._champion()
            if after == before:
                raise DemoFailed("The gate accepted the challenger, but the champion stayed.")
            self.model_card = self.deployment.model_card(after)
            act.say(
                f"{dataset['base_posts']:,} base and these {dataset['labelled_posts']:,} posts; "
                f"{results_in_words(gate['checks'])} → {after.version}"
            )
        return after

    def _new_champion_serves(self, champion: Pointer) -> list[str]:
        """Return the ids of the held-out posts' predictions."""
        with self.view.act("The new champion serves") as act:
            self._wait_for_version(champion.version, act)
            start = datetime.now(UTC)
            self._send(self.posts.held_out, act)
            served = {self._predictions[id_]["model_version"] for id_ in self._last_ids}
            if served != {champion.version}:
                raise DemoFailed(f"After the promotion {', '.join(sorted(served))} served.")
            act.say(f"{len(self._last_ids):,} posts by {champion.version}, without a redeploy")
        with self.view.act("Label the sampled posts") as act:
            self.summary.sampled_labels = label_drawn(self.deployment, self._sent)
            labels = (
                f"{self.summary.sampled_labels:,} labels, a random half of all {len(self._sent):,} "
                "posts"
            )
            act.say(f"{labels}; correcting the {TASK.label.rate}")
            window = self._measure("unseen communities, new champion", start)
            self.summary.drift.append(replace(window, alarm=self.deployment.is_alarming()))
            unseen = {one.post.source or "" for one in self.posts.held_out}
            self.summary.rates = rates_of(self.deployment, self._sent, self._predictions, unseen)
            act.say(f"{labels}; {rate_words(self.summary.rates[0])}")
        return self._last_ids

    def _count_results(self, before: list[str], after: list[str]) -> None:
        with self.view.act("Count the results") as act:
            self._drain()
            predictions = self._predictions
            summary = self.summary
            summary.posts_sent = len(self._sent)
            summary.predictions_received = self.consumer.received
            summary.lost = len(self._sent.keys() - predictions.keys())
            summary.duplicates = self.consumer.received - len(predictions)
            summary.quarantined = self.deployment.quarantined()
            self.probabilities = (self._probabilities(before), self._probabilities(after))
            quality = [self._quality(probability) for probability in self.probabilities]
            summary.f1_before, summary.f1_after = (item.f1 for item in quality)
            summary.brier_before, summary.brier_after = (item.brier for item in quality)
            changes = compare(
                np.array([labelled.label for labelled in self.posts.held_out]),
                *self.probabilities,
                [labelled.post.post_id for labelled in self.posts.held_out],
                confidence=0.975,
            )
            summary.f1_change = Change(*astuple(changes.f1))
            summary.brier_change = Change(*astuple(changes.brier))
            act.say(f"{summary.lost} lost, {summary.duplicates} duplicates")

    def _stream_and_measure(
        self,
        name: str,
        posts: Sequence[LabelledPost],
        act: Act,
        labels: Sequence[LabelledPost] = (),
    ) -> DriftWindow:
        start = datetime.now(UTC)
        self._send(posts, act)
        if labels:
            self.deployment.label(labels)
            act.say(f"{len(labels)} of them labelled; measuring drift")
        else:
            act.say(f"{len(posts)} posts predicted; measuring drift")
        return self._measure(name, start)

    def _measure(self, name: str, start: datetime) -> DriftWindow:
        measured = self.deployment.measure(start, datetime.now(UTC)).drift
        return DriftWindow(
            name=name,
            status=measured["status"],
            posts=measured["posts"],
            share=measured.get("share"),
            features=measured.get("features", {}),
            alarm=False,
            model_version=measured["model_version"] or "",
        )

    def _send(self, posts: Sequence[LabelledPost], act: Act) -> None:
        if not self._sent:
            self.deployment.send([("invalid", data) for data in INVALID_RECORDS])
        self._last_ids = self.deployment.send([payload(post) for post in posts])
        self._sent |= dict(zip(self._last_ids, posts, strict=True))

        def all_predicted() -> bool | None:
            self.consumer.poll()
            missing = set(self._last_ids) - self._predictions.keys()
            act.say(f"{len(posts) - len(missing)} of {len(posts)} posts predicted")
            return True if not missing else None

        _wait_for("a prediction of every post", all_predicted, every=0.1)

    def _wait_for_version(self, version: str, act: Act) -> None:
        """Send single posts until the new champion predicts one."""
        post = self.posts.quiet[0][0]

        def answers() -> bool | None:
            self._send([post], act)
            served = self._predictions[self._last_ids[0]]["model_version"]
            return True if served == version else None

        act.say("warm functions check the pointer again")
        _wait_for("the new champion to answer", answers, every=0.5)

    def _drain(self) -> None:
        """Continue to read until nothing arrives for a while: late duplicates count too."""
        last_seen = time.monotonic()
        while time.monotonic() - last_seen < _QUIET_SECONDS:
            if self.consumer.poll():
                last_seen = time.monotonic()
            time.sleep(0.2)

    def _follow(self, execution: str, act: Act) -> dict[str, Any]:
        return self.deployment.follow(
            execution, _LONGEST_SECONDS, lambda state: act.say(f"state {state}")
        )

    def _champion(self) -> Pointer:
        champion = self.deployment.champion()
        if champion is None:
            raise DemoFailed("No model version was promoted.")
        return champion

    @property
    def _predictions(self) -> dict[str, dict[str, Any]]:
        return self.consumer.predictions

    def _probabilities(self, ids: list[str]) -> np.ndarray[Any, np.dtype[np.float64]]:
        return np.array([self._predictions[id_]["probability"] for id_ in ids])

    def _quality(self, probability: np.ndarray[Any, np.dtype[np.float64]]) -> Quality:
        labels = np.array([labelled.label for labelled in self.posts.held_out])
        return measure(labels, probability)


_wait_for = partial(wait_for, seconds=_LONGEST_SECONDS)


def _stays_quiet(deployment: DeploymentClient) -> bool:
    try:
        wait_for("an alarm", lambda: deployment.is_alarming() or None, _QUIET_SECONDS)
    except OperatorError:
        return True
    return False


def _check(output: dict[str, Any], name: str) -> dict[str, Any]:
    return next(check for check in output["gate"]["checks"] if check["name"] == name)
