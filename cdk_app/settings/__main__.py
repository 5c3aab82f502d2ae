"""Print the lists of ``docs/stages.md``: ``python -m cdk_app.settings``."""

from cdk_app.settings.documentation import lists

print(lists())  # noqa: T201 - it is what the command is for
