"""cdk-nag: exactly the findings of its packs are acknowledged."""

import json
from pathlib import Path

import pytest

from cdk_app import acknowledgements as module
from cdk_app.acknowledgements import Acknowledgement, acknowledgements
from cdk_app.app import build_app
from cdk_app.bundling import PROJECT
from cdk_app.documentation import listing
from cdk_app.settings.stages import STAGES
from tests.infrastructure.conftest import WITHOUT_BUNDLING


@pytest.fixture(scope="module", params=list(STAGES))
def unacknowledged(request, tmp_path_factory):
    """An app whose acknowledgements are hidden from cdk-nag, and the findings it then has."""
    folder = tmp_path_factory.mktemp(request.param)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "METADATA_KEY", "unseen-by-cdk-nag")
        app = build_app(str(folder), stage=request.param, **WITHOUT_BUNDLING)
        with pytest.raises(RuntimeError, match="ValidationFailed"):
            app.synth()
        return acknowledgements(app), found_in(folder)


def found_in(folder: Path) -> set[tuple[str, str]]:
    """Each finding of a report: the rule, and the construct that breaks it."""
    report = json.loads((folder / "validation-report.json").read_text())
    return {
        (violation["ruleName"], construct["constructPath"])
        for plugin in report["pluginReports"]
        for violation in plugin["violations"]
        for construct in violation["violatingConstructs"]
    }


def covers(acknowledgement: Acknowledgement, rule: str, path: str) -> bool:
    return acknowledgement.rule == rule and path.startswith(f"{acknowledgement.path}/")


def test_the_synthesis_fails_without_the_acknowledgements(unacknowledged):
    _, found = unacknowledged
    assert {rule.partition("-")[0] for rule, _ in found} == {"AwsSolutions", "NIST.800.53.R5"}


def test_each_acknowledgement_covers_exactly_one_finding(unacknowledged):
    acknowledged, found = unacknowledged
    counts = {one: sum(covers(one, *finding) for finding in found) for one in acknowledged}
    assert {one: count for one, count in counts.items() if count != 1} == {}


def test_every_finding_is_acknowledged(unacknowledged):
    acknowledged, found = unacknowledged
    assert {one for one in found if not any(covers(ack, *one) for ack in acknowledged)} == set()


def test_the_security_page_lists_all_acknowledgements():
    apps = [build_app(stage=stage, **WITHOUT_BUNDLING) for stage in STAGES]
    assert listing(apps) in (PROJECT / "docs" / "security.md").read_text(), (
        "run `python -m cdk_app.documentation` and put its list into docs/security.md"
    )
