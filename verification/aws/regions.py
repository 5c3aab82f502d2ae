"""Each stage's template in each region that has its types of resource, by cfn-lint."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import lru_cache

from cfnlint import ManualArgs
from cfnlint.api import lint
from cfnlint.helpers import REGIONS
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from cfnlint.template import Template as LintedTemplate

from verification.aws.templates import Template

# It collects the attributes of all resources in all regions again for each reference to one.
LintedTemplate.get_valid_getatts = lru_cache(maxsize=1)(LintedTemplate.get_valid_getatts)

_IGNORED = ["W3005"]  # CDK also writes dependencies that follow from references


def supported(template: Template) -> list[str]:
    """Return the regions with all resource types of a template."""
    kinds = {resource["Type"] for resource in template.body["Resources"].values()}
    return [
        region
        for region in sorted(REGIONS)
        if kinds <= set(PROVIDER_SCHEMA_MANAGER.get_resource_types(region))
    ]


def faults_where_supported(template: Template) -> Iterator[str]:
    """Return cfn-lint's findings in each region with all resource types."""
    return faults(template, supported(template))


def faults(template: Template, regions: Iterable[str]) -> Iterator[str]:
    """Return cfn-lint's findings in regions, with its experimental rules."""
    config = ManualArgs(
        regions=list(regions), include_experimental=True, ignore_checks=list(_IGNORED)
    )
    for match in lint(json.dumps(template.body), config=config):
        place = "/".join(map(str, match.path or [])) if hasattr(match, "path") else ""
        yield f"{match.rule.id} at {place}: {match.message}"
