"""The states of the monitoring workflow, in the Amazon States Language with JSONata.

    Plan → SettleShards → MeasureDrift → QualityDue? → MeasureQuality → EstimateRate → Complete?

Failed parts are retried, then noted in ``unfinished``, and the others continue. A run with
unfinished parts fails at its end; the next run detects and completes them.

Each state transition costs money, so there are few: functions are invoked by ARN, and a choice
without further states ends the run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stresswatch.task.definition import TASK

FEATURES_KEPT = 24
"""With more windows, a run's output omits their features: a state is limited to 256 KB."""
UNFINISHED = "Unfinished"
"""The error of a run with unfinished parts."""

_TOLD = 5
"""Number of failures in the error, and characters of each cause."""
_LETTERS = 120
_RETRY = [
    {
        # Other functions may use a new account's concurrency; it is free again soon.
        "ErrorEquals": ["Lambda.TooManyRequestsException"],
        "IntervalSeconds": 5,
        "BackoffRate": 2,
        "MaxAttempts": 6,
        "JitterStrategy": "FULL",
    },
    {
        "ErrorEquals": ["States.ALL"],
        "IntervalSeconds": 2,
        "BackoffRate": 2,
        "MaxAttempts": 2,
        "JitterStrategy": "FULL",
    },
]


def definition(arns: Mapping[str, str], settle_concurrency: int) -> dict[str, Any]:
    """Return the state machine, given the ``plan``, ``settle``, ``drift``, ``quality``, ``rate``.

    Its input is a schedule's ``time``, or ``start`` and ``end`` of a span to measure at once; with
    ``settle_only``, the span is only settled. Its output has ``drift``, a result for each window,
    and ``quality`` and ``rate``, each a result or null.
    """
    return {
        "QueryLanguage": "JSONata",
        "StartAt": "Plan",
        "States": {
            "Plan": {
                "Type": "Task",
                "Resource": arns["plan"],
                "Retry": _RETRY,
                "Assign": {"many": _(f"$count($states.result.windows) > {FEATURES_KEPT}")},
                "Output": _(
                    "$states.input.settle_only = true"
                    " ? {'jobs': $states.result.jobs, 'windows': [], 'quality': null}"
                    " : $states.result"
                ),
                "Next": "SettleShards",
            },
            "SettleShards": {
                "Type": "Map",
                "Items": _("$states.input.jobs"),
                "MaxConcurrency": settle_concurrency,
                "ItemProcessor": _each(
                    "Settle",
                    arns["settle"],
                    failed="'shard ' & $states.input.shard & ' of ' & $states.input.archive"
                    " & ', ' & $states.input.start",
                ),
                "Output": {
                    "windows": _("$states.input.windows"),
                    "quality": _("$states.input.quality"),
                    "unfinished": _("[$states.result.unfinished]"),
                },
                "Next": "MeasureDrift",
            },
            "MeasureDrift": {
                "Type": "Map",
                "Items": _("$states.input.windows"),
                # In order of time, to report the first drifted window.
                "MaxConcurrency": 1,
                "ItemProcessor": _each(
                    "Drift",
                    arns["drift"],
                    failed="'drift, ' & $states.input.start",
                    output="$many ? $sift($states.result, function($value, $name)"
                    " {$name != 'features'}) : $states.result",
                ),
                "Output": {
                    "drift": _("[$states.result[$not($exists(unfinished))]]"),
                    "quality": _("$states.input.quality"),
                    "unfinished": _(
                        "$append($states.input.unfinished, [$states.result.unfinished])"
                    ),
                },
                "Next": "QualityDue?",
            },
            "QualityDue?": {
                "Type": "Choice",
                "Choices": [
                    {"Condition": _("$states.input.quality != null"), "Next": "MeasureQuality"},
                    _complete("null", "null"),
                ],
                "Default": "Incomplete",
            },
            "MeasureQuality": {
                "Type": "Task",
                "Resource": arns["quality"],
                "Arguments": _("$states.input.quality"),
                "Retry": _RETRY,
                "Assign": {"due": _("$states.input.quality")},
                "Catch": [
                    {
                        "ErrorEquals": ["States.ALL"],
                        "Assign": {"due": _("$states.input.quality")},
                        "Output": {
                            "drift": _("$states.input.drift"),
                            "quality": None,
                            "unfinished": _noted("live quality"),
                        },
                        "Next": "EstimateRate",
                    }
                ],
                "Output": _("$merge([$states.input, {'quality': $states.result}])"),
                "Next": "EstimateRate",
            },
            "EstimateRate": {
                "Type": "Task",
                "Resource": arns["rate"],
                "Arguments": _("$due"),
                "Retry": _RETRY,
                "Catch": [
                    {
                        "ErrorEquals": ["States.ALL"],
                        "Output": {"unfinished": _noted(TASK.label.rate)},
                        "Next": "Incomplete",
                    }
                ],
                "Output": _("$merge([$states.input, {'rate': $states.result}])"),
                "Next": "Complete?",
            },
            "Complete?": {
                "Type": "Choice",
                "Choices": [_complete("$states.input.quality", "$states.input.rate")],
                "Default": "Incomplete",
            },
            "Done": {"Type": "Succeed"},
            "Incomplete": {
                "Type": "Fail",
                "Error": UNFINISHED,
                "Cause": _(
                    "$count($states.input.unfinished) & ' unfinished: '"
                    f" & $join($states.input.unfinished[[0..{_TOLD - 1}]], '; ')"
                ),
            },
        },
    }


def _each(name: str, arn: str, *, failed: str, output: str = "$states.result") -> dict[str, Any]:
    """Return a map's processing of an item: invoke a function, and note failures."""
    noted = f"{name}Unfinished"
    return {
        "ProcessorConfig": {"Mode": "INLINE"},
        "StartAt": name,
        "States": {
            name: {
                "Type": "Task",
                "Resource": arn,
                "Retry": _RETRY,
                "Catch": [
                    {
                        "ErrorEquals": ["States.ALL"],
                        "Output": {"unfinished": _(_failure(failed))},
                        "Next": noted,
                    }
                ],
                "Output": _(output),
                "End": True,
            },
            noted: {"Type": "Pass", "End": True},
        },
    }


def _complete(quality: str, rate: str) -> dict[str, Any]:
    """Return the rule of a choice that ends a run without unfinished parts."""
    return {
        "Condition": _("$count($states.input.unfinished) = 0"),
        "Output": {
            "drift": _("$states.input.drift"),
            "quality": _(quality),
            "rate": _(rate),
        },
        "Next": "Done",
    }


def _noted(what: str) -> str:
    """Return the expression for the unfinished parts after this failure."""
    return _(f"$append($states.input.unfinished, [{_failure(repr(what))}])")


def _failure(what: str) -> str:
    """Return the expression that describes a failure and its cause."""
    cause = f"$substring($states.errorOutput.Cause, 0, {_LETTERS})"
    return f"{what} & ': ' & $states.errorOutput.Error & ': ' & {cause}"


def _(expression: str) -> str:
    return f"{{% {expression} %}}"
