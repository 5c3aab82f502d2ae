"""The demonstration: the whole loop, played on the local stack."""

from __future__ import annotations

import os
import re
import shutil
import signal
import time
from pathlib import Path

# rich's documentation of `save_svg` names the format there, though it is not in its __all__.
from rich.console import CONSOLE_SVG_FORMAT, Console  # type: ignore[attr-defined]

import local
from cli.data import load_posts
from cli.demo.posts import split_posts
from cli.demo.report import write_report
from cli.demo.scenario import CHANGED, Scenario
from cli.demo.summary import Summary
from cli.demo.terminal import View, final_table, rate_table
from cli.deployment.client import DeploymentClient
from cli.deployment.consumer import Consumer
from cli.deployment.synthesis import synthesize
from cli.deployment.target import local_tracking_uri, of_local_stack
from stresswatch.task.definition import TASK

_COLUMNS = 110
_FETCHED_FONTS = re.compile(r"@font-face \{\{.*?\}\}\s*", re.DOTALL)
_IN_THE_READERS_FONT = _FETCHED_FONTS.sub("", CONSOLE_SVG_FORMAT).replace(
    "Fira Code", "ui-monospace"
)
"""rich fetches its font from another server; a picture in a page must not."""


def play_demo(console: Console, output: Path) -> Summary:
    """Play the scenario on a new stack; write its summary, report and recording.

    Parameters
    ----------
    output : Path
        The folder for ``summary.json``, ``report.html`` and ``terminal.svg``.

    Raises
    ------
    OperatorError, local.LocalStackError
        When the stack does not start, or the loop does not do what it should.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the stack stops on any exit
    started = time.monotonic()
    output.mkdir(parents=True, exist_ok=True)
    data = load_posts()
    summary = Summary(TASK.name, data.name)
    stack_directory = output / "stack"
    _remove_stack(stack_directory)  # left over from a killed run
    with View(console, f"{TASK.title}: one run of the whole loop") as view:
        try:
            with view.act("Synthesise the stack") as act:
                act.say("CDK app → CloudFormation template")
                template = synthesize(output / "cdk.out", changed=CHANGED)
            with view.act("Deploy it on this machine") as act:
                stack = local.up(
                    stack_directory,
                    template_directory=template,
                    on_progress=act.say,
                    tracking_uri=local_tracking_uri(),
                )
                act.say(f"{stack.stack_name} at {stack.endpoint}")
            target = of_local_stack(stack)
            scenario = Scenario(
                DeploymentClient(target),
                Consumer(target),
                split_posts(data.posts, data.newcomers),
                view,
                summary,
            )
            scenario.play()
            threshold = scenario.deployment.drift_alarm()["Threshold"]
        finally:
            local.down(stack_directory)
    _remove_stack(stack_directory)
    summary.seconds = time.monotonic() - started
    summary.steps = {
        f"{place}. {act.title}": act.seconds or 0.0 for place, act in enumerate(view.acts, start=1)
    }
    console.print(final_table(console, summary))
    (output / "summary.json").write_text(summary.to_json())
    (output / "model_card.html").write_bytes(scenario.model_card)
    write_report(output / "report.html", summary, view.acts, scenario.probabilities, threshold)
    _record(output / "terminal.svg", view, summary)
    for name, file in (
        ("Summary", "summary.json"),
        ("Report", "report.html"),
        ("Model card", "model_card.html"),
    ):
        console.print(f"{name + ':':12}{output / file}", markup=False, soft_wrap=True)
    return summary


def _remove_stack(directory: Path) -> None:
    """Stop the stack if it runs, and delete its data, so that every run starts from scratch."""
    local.down(directory)
    shutil.rmtree(directory, ignore_errors=True)


def _record(path: Path, view: View, summary: Summary) -> None:
    """Save the steps and their answer, the rates, as a picture of the terminal."""
    with Path(os.devnull).open("w") as nowhere:
        console = Console(record=True, width=_COLUMNS, file=nowhere, force_terminal=True)
        console.print(view.render(), rate_table(console, summary.rates))
    console.save_svg(str(path), title="make demo", code_format=_IN_THE_READERS_FONT)
