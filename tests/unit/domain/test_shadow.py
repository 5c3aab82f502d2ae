"""A challenger beside the champion: for the time in its pointer, and judged by its predictions."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from stresswatch.monitoring.live_quality import Labels
from stresswatch.retraining.gate_rules import GateRules
from stresswatch.retraining.live_comparison import compare_pairs
from stresswatch.retraining.shadow_gate import judge_shadow
from stresswatch.retraining.verdict import Basis
from stresswatch.versions.champion import InvalidPointer, Pointer
from stresswatch.versions.shadow import ShadowCache, ShadowPointer

POINTER = Pointer("v2", "s3://models/models/v2/", "0" * 64)
START = datetime(2026, 11, 24, 12, tzinfo=UTC)
LATER, EARLIER = START + timedelta(hours=1), START - timedelta(hours=1)


class Store:
    """The pointer and the models, and the number of requests for them."""

    def __init__(self, shadow=None):
        self.shadow = shadow
        self.now = 0.0
        self.reads = self.loads = 0
        self.broken = False

    def read(self):
        self.reads += 1
        if self.broken:
            raise RuntimeError("no such parameter")
        return self.shadow

    def load(self, pointer):
        self.loads += 1
        return SimpleNamespace(pointer=pointer)

    def cache(self):
        return ShadowCache(
            self.read,
            self.load,
            ttl_seconds=30,
            clock=lambda: self.now,
            now=lambda: START + timedelta(seconds=self.now),
        )


class TestPointer:
    @pytest.mark.parametrize("on_probation", ["", "v3"])
    def test_a_pointer_round_trips_through_json(self, on_probation):
        shadow = ShadowPointer(POINTER, LATER, on_probation)
        assert ShadowPointer.from_json(shadow.to_json()) == shadow

    @pytest.mark.parametrize(
        "value",
        [
            "",
            "none",
            "{}",
            "[]",
            '{"until": "soon"}',
            POINTER.to_json(),
            ShadowPointer(POINTER, LATER).to_json().replace("s3://", "https://"),
        ],
    )
    def test_an_invalid_pointer_is_rejected(self, value):
        with pytest.raises(InvalidPointer, match="the shadow pointer cannot be read"):
            ShadowPointer.from_json(value)


class TestCache:
    def test_without_a_challenger_nothing_is_loaded(self):
        store = Store()
        assert store.cache().current() is None
        assert store.loads == 0

    def test_the_model_is_loaded_once_and_its_pointer_refreshed(self):
        store = Store(ShadowPointer(POINTER, LATER))
        cache = store.cache()
        for now in (0, 29, 31, 45):
            store.now = now
            assert cache.current().pointer == POINTER
        assert (store.reads, store.loads) == (2, 1)

    @pytest.mark.parametrize(
        ("on_probation", "role"), [("", "challenger"), ("v3", "previous champion")]
    )
    def test_the_role_distinguishes_challenger_and_previous_champion(self, on_probation, role):
        cache = Store(ShadowPointer(POINTER, LATER, on_probation)).cache()
        assert cache.role == ""
        cache.current()
        assert cache.role == role

    def test_shadowing_ends_at_the_pointers_end_time(self):
        assert Store(ShadowPointer(POINTER, EARLIER)).cache().current() is None
        store = Store(ShadowPointer(POINTER, START + timedelta(seconds=20)))
        cache = store.cache()
        for store.now in (0, 19):
            assert cache.current().pointer == POINTER
        store.now = 20
        assert cache.current() is None
        assert store.reads == 1

    def test_an_unreadable_pointer_is_not_retried_with_every_batch(self):
        store = Store(ShadowPointer(POINTER, LATER))
        store.broken = True
        cache = store.cache()
        with pytest.raises(RuntimeError):
            cache.current()
        assert cache.current() is None
        assert store.reads == 1
        store.broken, store.now = False, 31
        assert cache.current().pointer == POINTER


DIGEST = "0" * 32


def rows(probabilities, first=0):
    return [
        {
            "prediction_id": str(number),
            "post_id": f"post-{number}",
            "text_digest": DIGEST,
            "probability": probability,
        }
        for number, probability in enumerate(probabilities, first)
    ]


def pairs(champion, challenger):
    """Pairs as Athena returns them, each post by itself."""
    said = {row["prediction_id"]: row["probability"] for row in challenger}
    for row in champion:
        other = said.get(row["prediction_id"])
        is_both = other is not None
        yield {
            **row,
            "champion": row["probability"] if is_both else None,
            "challenger": other,
            "posts": 1,
            "scored_by_both": int(is_both),
            "agreeing": int(is_both and (row["probability"] >= 0.5) == (other >= 0.5)),
        }


def judge(champion, challenger, labels, trained_texts=(), basis=Basis.CHAMPION):
    live = compare_pairs(list(pairs(champion, challenger)), labels, trained_texts)
    return judge_shadow(live, GateRules(), basis)


def failed(verdict):
    return [check.name for check in verdict.checks if not check.passed]


CHAMPION = rows([0.9, 0.1] * 50)
NO_LABELS = Labels({}, 0)
LABELS = Labels({(f"post-{number}", DIGEST): 1 - number % 2 for number in range(100)}, 0)


class TestVerdict:
    def test_a_challenger_that_mostly_agrees_is_accepted(self):
        verdict = judge(CHAMPION, rows([0.8, 0.2] * 50), NO_LABELS)
        assert verdict.accepted
        assert verdict.checks[-1].evidence == "0 labelled live posts, at least 30 needed"

    def test_a_challenger_that_disagrees_is_rejected(self):
        verdict = judge(CHAMPION, rows([0.1, 0.9] * 50), NO_LABELS)
        assert failed(verdict) == ["agreement with champion, live posts"]

    def test_agreement_is_not_required_across_different_features(self):
        other = rows([0.1, 0.9] * 50)
        assert judge(CHAMPION, other, NO_LABELS, basis=Basis.COMMON_FEATURES).accepted
        labelled = judge(CHAMPION, other, LABELS, basis=Basis.COMMON_FEATURES)
        assert failed(labelled) == ["Brier score, labelled live posts"]

    def test_a_challenger_that_failed_on_posts_is_rejected(self):
        verdict = judge(CHAMPION, rows([0.9, 0.1] * 49), NO_LABELS)
        assert failed(verdict) == ["coverage, live posts"]

    def test_a_challenger_without_answers_is_rejected(self):
        assert not judge(CHAMPION, [], NO_LABELS).accepted

    def test_a_challenger_worse_on_labelled_posts_is_rejected(self):
        worse = rows([0.55, 0.45] * 50)
        verdict = judge(CHAMPION, worse, LABELS)
        assert failed(verdict) == ["Brier score, labelled live posts"]

    def test_a_challenger_better_on_labelled_posts_is_accepted(self):
        champion = rows([0.6, 0.4] * 50)
        assert judge(champion, CHAMPION, LABELS).accepted

    def test_labels_of_other_texts_are_ignored(self):
        edited = Labels(
            {(post_id, "1" * 32): label for (post_id, _), label in LABELS.by_post.items()}, 0
        )
        verdict = judge(CHAMPION, rows([0.55, 0.45] * 50), edited)
        assert verdict.checks[-1].evidence == "0 labelled live posts, at least 30 needed"

    def test_segments_of_one_post_are_compared_by_their_own_labels(self):
        segments = [
            row | {"post_id": "long post", "text_digest": row["prediction_id"]} for row in CHAMPION
        ]
        known = {
            ("long post", row["prediction_id"]): int(row["probability"] > 0.5) for row in segments
        }
        verdict = judge(segments, CHAMPION, Labels(known, 0))
        assert verdict.checks[-1].applies

    def test_training_texts_of_either_model_are_excluded_and_counted(self):
        worse = rows([0.55, 0.45] * 50)
        verdict = judge(CHAMPION, worse, LABELS, trained_texts={DIGEST})
        assert verdict.checks[-1].evidence == (
            "0 labelled live posts, 100 training posts excluded, at least 30 needed"
        )

    def test_with_few_posts_all_checks_are_skipped(self):
        (check,) = judge(CHAMPION[:29], [], NO_LABELS).checks
        assert check.passed
        assert (check.name, check.applies) == ("all checks, live posts", False)
        assert check.evidence == "29 live posts, at least 30 needed"

    def test_rows_without_a_counterpart_are_not_compared(self):
        more = CHAMPION + rows([0.1], first=500)
        assert judge(CHAMPION, more, NO_LABELS).accepted
