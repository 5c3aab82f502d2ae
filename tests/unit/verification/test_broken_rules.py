"""The tests detect a broken rule of the mapping; the benchmark itself breaks all of them."""

from collections.abc import Iterator

import pytest

from verification.broken_rules.__main__ import RulesCopy, copied_rules
from verification.broken_rules.breaches import BREACHES

ONE_OF_EACH_MODULE = {breach.module: breach for breach in BREACHES}.values()


@pytest.fixture(scope="module")
def copy() -> Iterator[RulesCopy]:
    with copied_rules() as copy:
        yield copy


@pytest.mark.parametrize("breach", ONE_OF_EACH_MODULE, ids=lambda breach: breach.module)
def test_a_broken_rule_is_detected(copy: RulesCopy, breach) -> None:
    assert copy.sees(breach)


def test_a_harmless_change_is_not_reported_as_detected(copy: RulesCopy) -> None:
    first = BREACHES[0]
    assert not copy.sees(first._replace(broken=f"{first.line}  # and nothing else"))


def test_a_missing_line_of_a_rule_is_named(copy: RulesCopy) -> None:
    with pytest.raises(ValueError, match="no one line to break: was here"):
        copy.sees(BREACHES[0]._replace(line="was here"))
