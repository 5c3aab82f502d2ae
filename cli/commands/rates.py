"""The rate of positive posts: `trend`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.console import console, literal, stderr
from cli.deployment.target import find_target
from cli.options import AsJson, Local, Stage, require_new
from cli.timestamps import utc_now
from cli.trend import read_trend, span_of, widened
from stresswatch.rates.cells import Period


def trend(
    on_local: Local = False,
    stage: Stage = "dev",
    by: Annotated[Period, typer.Option(help="Length of a period.")] = Period.WEEK,
    source: Annotated[
        str | None,
        typer.Option(help="Show one community only.", show_default=False),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option("--from", help="First day; by default, eight weeks before --to."),
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="Last day; by default, today.")] = None,
    csv: Annotated[
        Path | None,
        typer.Option(
            help="Write all columns to a new CSV file. Import it as text: a spreadsheet reads a "
            "name that begins with = as a formula.",
            show_default=False,
        ),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write the page to a new file.", show_default=False)
    ] = None,
    every_difference: Annotated[
        bool,
        typer.Option("--every-difference", help="Also print differences that are not significant."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the rate of positive posts over time, with intervals and significant differences."""
    require_new(csv, "--csv")
    require_new(html, "--html")
    given = span_of(start, end)
    span = widened(given, by)
    if start and span != given:
        said = f"--from is within a week: the table begins with its Monday, {span[0]}."
        stderr.print(said, highlight=False, soft_wrap=True)
    target = find_target(on_local=on_local, stage=stage)
    found = read_trend(target, by, source, span)
    if csv:
        csv.write_text(found.as_csv(), encoding="utf-8", newline="")
    if html:
        html.write_text(found.as_page(target.name, utc_now()), encoding="utf-8")
    for written in filter(None, (csv, html)):
        stderr.print(f"Written: {literal(str(written))}", highlight=False, soft_wrap=True)
    if as_json:
        console.print_json(data=found.as_dict())
    else:
        found.show(console, every_difference=every_difference)
