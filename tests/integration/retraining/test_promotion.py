"""The workflow's last states on moto: manual approval and promotion."""

from dataclasses import replace
from datetime import timedelta

import pytest

from lambdas.approval.handler import handler as approval
from lambdas.promote.handler import ChampionMoved, VersionBarred
from lambdas.promote.handler import handler as promote
from stresswatch.retraining.journal import Decision
from stresswatch.versions.champion import read_changes
from stresswatch.versions.model_files import DigestMismatch
from tests.integration.conftest import CONTEXT, ENVIRONMENT


class TestApproval:
    def test_a_pending_approval_stays_in_the_journal_until_it_expires(self, aws):
        approval({"version": "v2", "execution": "arn:execution", "token": "token"}, CONTEXT)
        pending = aws.journal.approval("v2")
        assert (pending.execution, pending.token) == ("arn:execution", "token")
        just_before = pending.expires_at - timedelta(seconds=1)
        assert replace(aws.journal, now=lambda: just_before).approval("v2") == pending
        assert replace(aws.journal, now=lambda: pending.expires_at).approval("v2") is None


class TestPromote:
    def test_before_the_first_promotion_champion_and_history_are_empty(self, aws):
        assert aws.pointer() is None
        assert read_changes(aws.ssm, ENVIRONMENT["CHAMPION_PARAMETER"]) == []

    def event(self, pointer, parent):
        return {"gate": {**vars(pointer), "parent": parent}}

    def test_the_pointer_moves_to_the_challenger(self, aws, version_files):
        pointer = aws.publish("v1", version_files)
        assert promote(self.event(pointer, ""), CONTEXT) == {"version": "v1", "before": ""}
        assert aws.pointer() == pointer

    def test_the_parameter_history_records_the_reason(self, aws, version_files):
        pointer = aws.publish("v1", version_files)
        word = {"approved": True, "by": "arn:aws:iam::1:user/ada", "why": "it looks fine"}
        promote(self.event(pointer, "") | {"approval": word}, CONTEXT)
        assert read_changes(aws.ssm, ENVIRONMENT["CHAMPION_PARAMETER"])[-1].because == (
            "promotion: the gate accepted it, arn:aws:iam::1:user/ada approved it: it looks fine"
        )

    def test_a_late_retry_does_not_promote_a_rolled_back_version(self, aws, version_files):
        pointer = aws.publish("v1", version_files)
        aws.journal.bar("v1", Decision.now("ada", "it is worse"))
        with pytest.raises(VersionBarred, match=r"v1 was rolled back at .* by ada"):
            promote(self.event(pointer, ""), CONTEXT)
        assert aws.pointer() is None

    def test_a_retried_promotion_changes_nothing(self, aws, version_files):
        pointer = aws.publish("v1", version_files)
        promote(self.event(pointer, ""), CONTEXT)
        promote(self.event(pointer, ""), CONTEXT)
        assert aws.pointer() == pointer

    def test_the_earlier_of_two_concurrent_first_promotions_serves(
        self, aws, version_files, monkeypatch
    ):
        serving = aws.promote("v2", version_files)
        pointer = aws.publish("v1", version_files)
        # It looked before the other one was promoted.
        monkeypatch.setattr("lambdas.promote.handler.read_pointer", lambda *_: None)
        with pytest.raises(ChampionMoved, match="judged against no champion, but another version"):
            promote(self.event(pointer, ""), CONTEXT)
        assert aws.pointer() == serving

    def test_a_first_promotion_succeeds_after_a_lost_response(
        self, aws, version_files, monkeypatch
    ):
        pointer = aws.promote("v1", version_files)
        monkeypatch.setattr("lambdas.promote.handler.read_pointer", lambda *_: None)
        assert promote(self.event(pointer, ""), CONTEXT) == {"version": "v1", "before": ""}

    def test_a_challenger_judged_against_another_champion_is_rejected(self, aws, version_files):
        serving = aws.promote("v2", version_files)
        pointer = aws.publish("v1", version_files)
        with pytest.raises(ChampionMoved, match="judged against v0, but v2 serves"):
            promote(self.event(pointer, "v0"), CONTEXT)
        assert aws.pointer() == serving

    def test_a_model_altered_after_its_verdict_is_not_promoted(self, aws, version_files):
        pointer = aws.publish("v1", version_files)
        aws.put("models", "models/v1/model.npz", b"altered")
        with pytest.raises(DigestMismatch):
            promote(self.event(pointer, ""), CONTEXT)
        assert aws.pointer() is None
