"""The gate's rules: tolerances for a challenger, and the gain it must show."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass

from stresswatch.errors import InvalidInput
from stresswatch.task.definition import TASK


class InvalidGateRules(InvalidInput):
    """The gate's rules cannot be read, or one of them is always or never met."""


@dataclass(frozen=True)
class GateRules:
    """Tolerances for a challenger, and the gain it must show.

    Margins that depend on what is predicted have their defaults in the task.

    Attributes
    ----------
    confidence : float
        Of each bound that is compared with a margin.
    minimum_roc_auc : float
        Of the challenger, on the base holdout.
    maximum_chance : float
        Largest p-value of the ROC-AUC on the base holdout, for an uninformed model.
    base_f1_margin, base_brier_margin : float
        Largest loss on the base holdout; the bounds must show that it is not exceeded.
    new_brier_margin : float
        The same on the new holdout.
    community_f1_margin : float
        A significant fall in F1 by more fails, in any community and on the new holdout.
    minimum_posts : int
        A community or new holdout with fewer posts is not judged.
    minimum_distance_reduction : float
        Without a shown gain, the challenger's mean two-sample Kolmogorov-Smirnov statistic
        between the new holdout and its training split must be lower by this.
    calibration_margin : float
        Largest rise of the expected calibration error on the base holdout.
    maximum_model_bytes : int
        Size of the model file for arrays. For a pipeline, the limit is
        `stresswatch.model.scorer.MAXIMUM_PIPELINE_BYTES`.
    maximum_slowdown : float
        Scoring time for the same posts, as a multiple of the champion's; judged if arrays score
        both, or scikit-learn does.
    minimum_shadow_coverage, minimum_agreement : float
        For a shadowing challenger: the share of the champion's posts with a prediction of the
        challenger, and the share of these with the same class. The second also holds in a
        probation.
    maximum_unanswered : float
        Share of live posts that a new champion on probation may fail on.
    probation_brier_margin : float
        A new champion is rolled back if it is shown to be worse than the previous one by more.
    """

    confidence: float = 0.95
    minimum_roc_auc: float = TASK.gate.minimum_roc_auc
    maximum_chance: float = 0.01
    base_f1_margin: float = TASK.gate.base_f1_margin
    base_brier_margin: float = TASK.gate.base_brier_margin
    new_brier_margin: float = TASK.gate.new_brier_margin
    community_f1_margin: float = TASK.gate.community_f1_margin
    minimum_posts: int = 30
    minimum_distance_reduction: float = 0.01
    calibration_margin: float = TASK.gate.calibration_margin
    maximum_model_bytes: int = 8 * 1024 * 1024
    maximum_slowdown: float = 2.0
    minimum_shadow_coverage: float = 0.99
    minimum_agreement: float = 0.7
    maximum_unanswered: float = 0.01
    probation_brier_margin: float = TASK.gate.probation_brier_margin

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
            When it is not a set of rules, or incomplete.
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
