"""The gate's rules: how far a challenger may fall short, and what it must gain."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass

from stresswatch.errors import InvalidInput
from stresswatch.task.definition import TASK


class InvalidGateRules(InvalidInput):
    """The gate's rules cannot be read, or one of them can never or always be met."""


@dataclass(frozen=True)
class GateRules:
    """How far a challenger may fall short, and what it must gain.

    The margins were chosen by measurement; docs/retraining.md has it.

    Attributes
    ----------
    confidence : float
        Of each bound that a margin is held against.
    minimum_roc_auc : float
        Of the challenger, on the base holdout.
    maximum_chance : float
        Of a ROC-AUC as high on the base holdout, by a model that knows nothing.
    base_f1_margin, base_brier_margin : float
        The challenger must be shown to be no worse than the champion by more on the base holdout.
    new_brier_margin : float
        The same on the new holdout.
    community_f1_margin : float
        A fall in F1 by more, which chance does not explain, fails: in any community of either
        holdout, and on the new holdout as a whole.
    minimum_posts : int
        Below as many, a community, or the new holdout, is not judged.
    minimum_distance_reduction : float
        Where a gain is not shown, the mean two-sample Kolmogorov-Smirnov statistic of the numbers,
        between the new holdout and the training split, must be less by this for the challenger.
    calibration_margin : float
        By how much the expected calibration error on the base holdout may be higher.
    maximum_model_bytes : int
        Size of the model file, where arrays score. Of a pipeline's file at most
        `stresswatch.model.scorer.MAXIMUM_PIPELINE_BYTES` are loaded.
    maximum_slowdown : float
        Time of scoring the same posts, in multiples of the champion's, if both are scored by
        arrays, or both by scikit-learn.
    minimum_shadow_coverage, minimum_agreement : float
        Of a challenger that shadows: on how many of the champion's posts it must have a prediction
        at all, and the same class. A new champion on probation must have the same class, too.
    maximum_unanswered : float
        Share of live posts that a new champion on probation may fail on.
    probation_brier_margin : float
        A new champion that is shown to be worse than the previous one by more is rolled back.
    """

    confidence: float = 0.95
    minimum_roc_auc: float = TASK.gate.minimum_roc_auc
    maximum_chance: float = 0.01
    base_f1_margin: float = 0.05
    base_brier_margin: float = 0.005
    new_brier_margin: float = 0.015
    community_f1_margin: float = 0.1
    minimum_posts: int = 30
    minimum_distance_reduction: float = 0.01
    calibration_margin: float = 0.03
    maximum_model_bytes: int = 8 * 1024 * 1024
    maximum_slowdown: float = 2.0
    minimum_shadow_coverage: float = 0.99
    minimum_agreement: float = 0.7
    maximum_unanswered: float = 0.01
    probation_brier_margin: float = 0.005

    def __post_init__(self) -> None:
        if not 0.5 < self.confidence < 1:
            raise InvalidGateRules(f"confidence is {self.confidence}; it must be between 0.5 and 1")
        if not 0.5 <= self.minimum_roc_auc < 1:
            raise InvalidGateRules(
                f"minimum_roc_auc is {self.minimum_roc_auc}; it must be at least 0.5 and below 1"
            )
        if not self.maximum_chance < 1:
            raise InvalidGateRules(f"maximum_chance is {self.maximum_chance}; it must be below 1")
        for name, value in asdict(self).items():
            if not 0 < value < math.inf:
                raise InvalidGateRules(f"{name} is {value}; it must be above 0, and finite")

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(value: str) -> GateRules:
        """Read what `to_json` wrote.

        Raises
        ------
        InvalidGateRules
            When it is no rules, or not all of them.
        """
        try:
            values = json.loads(value)
            rules = GateRules(**values)
        except InvalidGateRules:
            raise
        except (ValueError, TypeError) as error:
            raise InvalidGateRules(f"the gate's rules cannot be read: {error}") from error
        if missing := asdict(rules).keys() - values:
            raise InvalidGateRules(f"the gate's rules lack {', '.join(sorted(missing))}")
        return rules
