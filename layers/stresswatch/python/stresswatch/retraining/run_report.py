"""A retraining's result in words, for notifications and for the terminal."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from stresswatch.retraining.check_words import HOLDOUTS, PROBATION_ROLES, result_of, sentence
from stresswatch.retraining.verdict import Outcome
from stresswatch.task.definition import TASK
from stresswatch.text.wording import counted

_QUOTA = re.compile("ResourceLimitExceeded|service limit .* current utilization of 0 ")


def describe(state: Mapping[str, Any]) -> str:
    """Describe a retraining's result or open request: a sentence, then the evidence.

    Parameters
    ----------
    state : mapping
        The workflow's state: its input, and the output of each completed step.
    """
    return "\n".join([_sentence(state), *_remarks(state), *_verdicts(state)])


def failure(error: Mapping[str, Any]) -> str:
    """Return the error of a failed step, and the remedy for a quota that is too small."""
    told = _failure(error)
    if not _QUOTA.search(f"{error['Error']} {error.get('Cause', '')}"):
        return told
    return (
        f"{told}. Request that quota in Service Quotas. If it is for spot training, "
        "`training_on_spot=False` in cdk_app/settings/stages.py avoids it"
    )


def _failure(error: Mapping[str, Any]) -> str:
    """Return a function's own message, or a training job's reason."""
    cause = error.get("Cause", "")
    try:
        told = json.loads(cause)
        cause = told.get("errorMessage") or told.get("FailureReason") or cause
        return f"{told.get('errorType', error['Error'])}: {cause}".rstrip(".")
    except (ValueError, AttributeError):
        return f"{error['Error']}: {cause}".rstrip(": .")


def _sentence(state: Mapping[str, Any]) -> str:
    gate, word = state.get("gate"), state.get("approval")
    if error := state.get("error"):
        return f"The retraining failed: {failure(error)}{_who_stays(state)}."
    if reason := state.get("admission", {}).get("reason"):
        return f"Suppressed: {reason}."
    if reason := state.get("dataset", {}).get("declined"):
        return f"Declined: {reason}."
    if not gate:
        return "No version was judged."
    version = gate["version"]
    if not gate["accepted"]:
        return f"The gate rejected {version}; the champion stays."
    if not state.get("comparison", gate)["accepted"]:
        return f"{version} was rejected after its shadow deployment; the champion stays."
    if word and "Error" in word:
        return f"The gate accepted {version}, but approval timed out; the champion stays."
    if word and not word["approved"]:
        why = f"{word['by']} rejected it: {word['why']}"
        return f"The gate accepted {version}, {why}; the champion stays."
    if "promotion" not in state:
        return f"The gate accepted {version}, which awaits manual approval."
    if "judgement" in state:
        return _of_probation(version, gate["parent"], state["judgement"]["outcome"])
    approved = f", {word['by']} approved it: {word['why']}" if word else ""
    seconds = gate.get("probation_seconds")
    probation = f", on probation for {counted(seconds / 60, 'minute')}" if seconds else ""
    return f"The gate accepted {version}{approved}; it is the champion now{probation}."


def _of_probation(version: str, previous: str, outcome: str) -> str:
    match Outcome(outcome):
        case Outcome.ROLLED_BACK:
            return f"{version} was rolled back by its probation; {previous} is the champion again."
        case Outcome.KEPT:
            return f"{version} passed its probation; it stays the champion."
        case Outcome.OVERTAKEN:
            return f"The probation of {version} ended early: another version serves."
        case Outcome.GOES_ON:
            return f"{version} is the champion, and on probation."


def _who_stays(state: Mapping[str, Any]) -> str:
    if promotion := state.get("promotion"):
        return f"; {promotion['version']} is already the champion"
    return "; the champion stays"


_REMARKS = {
    "contradictory_posts": "Base posts with both labels: {:,}. The more confident label counts; "
    f"with equal confidence, {TASK.label.name(1)}.",
    "future_labels": "Labels dated later than now, left out: {:,}.",
    "unweighted_posts": "Posts whose label has confidence 0: {:,}. They count in evaluation, and "
    "have no weight in training.",
    "suspicious_labels": "Labels that look wrong: {:,}. `stresswatch data suspicious {version}` "
    "lists them; all of them are kept.",
}


def remark(name: str, count: int, version: str = "") -> str:
    """Describe a count of the data, such as ``contradictory_posts``, of a version's training."""
    return _REMARKS[name].format(count, version=version)


def _remarks(state: Mapping[str, Any]) -> Iterator[str]:
    """Return a line for each count of the data that is above 0 and needs attention."""
    counted = {**state.get("dataset", {}), **(state.get("gate") or {})}
    version = counted.get("version", "")
    return (remark(name, counted[name], version) for name in _REMARKS if counted.get(name))


def _verdicts(state: Mapping[str, Any]) -> Iterator[str]:
    if gate := state.get("gate"):
        yield f"The gate, against {gate['parent'] or 'no champion'}:"
        # Runs of earlier releases have no remark.
        if why := gate.get("remark"):
            yield why
        yield HOLDOUTS
        yield from _lines(gate)
    if comparison := state.get("comparison"):
        yield f"Shadow deployment, on {comparison['posts']:,} live posts:"
        yield from _lines(comparison)
    if judgement := state.get("judgement"):
        yield f"Probation, on {judgement['posts']:,} live posts of the previous champion:"
        yield from _lines(judgement, *PROBATION_ROLES)


def _lines(
    verdict: Mapping[str, Any], champion: str = "champion", challenger: str = "challenger"
) -> Iterator[str]:
    """Return a line per check, failed ones first, with the names of the two versions."""
    for check in sorted(verdict["checks"], key=lambda check: bool(check["passed"])):
        yield f"- {result_of(check)}: {sentence(check, champion, challenger)}"
