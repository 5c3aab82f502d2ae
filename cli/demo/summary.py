"""The results of the demo as data: ``build/demo/summary.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

AFTER_PROMOTION = (
    "The last window is compared with the new champion's training posts, of which the unseen "
    "communities are a small part. The alarm uses the highest share of an hour."
)
"""Why the demo may end in an alarm."""


@dataclass(frozen=True)
class DriftWindow:
    """One measured window.

    Attributes
    ----------
    share : float or None
        Share of features that drifted; None where the window was not measured.
    features : dict of str to dict
        ``p_value``, ``threshold`` and ``drifted`` by feature.
    alarm : bool
        Whether the alarm fired on this window.
    """

    name: str
    status: str
    posts: int
    share: float | None
    features: Mapping[str, Any]
    alarm: bool
    model_version: str


@dataclass(frozen=True)
class CommunityRate:
    """The rate of positive posts in a community that the first champion had not seen.

    Attributes
    ----------
    called : float or None
        Share of its posts that the champions called positive; None with too few posts.
    corrected, low, high : float or None
        By the labels of the sampled posts; None with too few.
    true : float
        By the labels of all posts, which only the demo knows.
    method : str
        Method of the correction.
    """

    community: str
    posts: int
    labelled: int
    called: float | None
    corrected: float | None
    low: float | None
    high: float | None
    true: float
    method: str


@dataclass(frozen=True)
class Change:
    """Change of a metric with the promotion, with its 95 % interval by paired bootstrap."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """Describe the change, and whether it is significant."""
        if self.low <= 0 <= self.high:
            return f"no measurable change, 95 % interval {self.low:+.3f} to {self.high:+.3f}"
        return f"{self.value:+.3f}, 95 % interval {self.low:+.3f} to {self.high:+.3f}"


@dataclass
class Summary:
    """The results of one run.

    Attributes
    ----------
    task : str
        Name of the task.
    data : str
        Description of the posts.
    lost : int
        Valid posts that were sent and have no prediction.
    duplicates : int
        Additional predictions with the same id.
    sampled_labels : int
        Labels of the random sample, for the rate. Those for the retraining are in `retraining`.
    f1_before, f1_after, brier_before, brier_after : float
        Over the held-out posts of unseen communities, as served before and after the promotion.
    f1_change, brier_change : Change
        On these posts.
    rates : list of CommunityRate
        Of each unseen community, the largest first.
    steps : dict of str to float
        Seconds of each act.
    """

    task: str
    data: str
    posts_sent: int = 0
    predictions_received: int = 0
    quarantined: int = 0
    lost: int = 0
    duplicates: int = 0
    sampled_labels: int = 0
    champion_before: str = ""
    champion_after: str = ""
    drift: list[DriftWindow] = field(default_factory=list)
    retraining: dict[str, Any] = field(default_factory=dict)
    f1_before: float = 0.0
    f1_after: float = 0.0
    brier_before: float = 0.0
    brier_after: float = 0.0
    f1_change: Change | None = None
    brier_change: Change | None = None
    rates: list[CommunityRate] = field(default_factory=list)
    seconds: float = 0.0
    steps: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2) + "\n"
