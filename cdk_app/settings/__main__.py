"""Print the tables of ``docs/stages.md``: ``python -m cdk_app.settings``."""

from cdk_app.settings.documentation import tables

print(tables())  # noqa: T201 - it is what the command is for
