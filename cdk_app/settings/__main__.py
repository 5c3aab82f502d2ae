"""Print the table of ``docs/stages.md``: ``python -m cdk_app.settings``."""

from cdk_app.settings.documentation import table

print(table())  # noqa: T201 - it is what the command is for
