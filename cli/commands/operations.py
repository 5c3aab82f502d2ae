"""Running a stage, such as `smoke`, `status`, `measure`, `dashboard` and `destroy`."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from cli.console import console, stderr
from cli.cost.stage_cost import cost as estimate_cost
from cli.deployment.client import DeploymentClient
from cli.deployment.deletion import Deletion, print_what_is_left
from cli.deployment.serving_commit import serving_commit
from cli.deployment.target import aws_target, find_target
from cli.errors import OperatorError
from cli.measurements import measurement_table, span_of
from cli.options import AsJson, Local, Stage, Yes
from cli.smoke import smoke as smoke_test
from cli.status.snapshot import take_snapshot
from cli.status.table import SPAN, status_table
from stresswatch.aws import stack_outputs


def smoke(
    on_local: Local = False,
    stage: Stage = "dev",
    wait: Annotated[
        float, typer.Option(min=1, max=3600, help="Seconds to wait for the predictions.")
    ] = 300.0,
) -> None:
    """Send a hundred synthetic posts and wait for their predictions."""
    if not smoke_test(console, find_target(on_local=on_local, stage=stage), wait):
        raise typer.Exit(1)


def deployed(stage: Stage = "dev") -> None:
    """Print the deployed commit, for rollbacks."""
    if commit := serving_commit(stage):
        typer.echo(commit)
        how = f"git switch --detach {commit} && make deploy STAGE={stage}"
        stderr.print(f"To deploy it again: {how}", highlight=False, soft_wrap=True)
    else:
        stderr.print(f"No commit is deployed in {stage} yet.", highlight=False)


def cost(
    posts_per_day: Annotated[
        int, typer.Option(min=1_000, max=1_000_000_000, help="Posts per day.", show_default=False)
    ],
    stage: Stage = "prod",
    peak: Annotated[float, typer.Option(min=1, max=1000, help="Peak-to-average ratio.")] = 3.0,
    wait: Annotated[
        float,
        typer.Option(
            min=0,
            max=300,
            help="Longest batch window in seconds, for the table of the cheapest settings; the "
            "other tables have the stage's.",
        ),
    ] = 60.0,
    as_json: AsJson = False,
) -> None:
    """Estimate the monthly cost and the limits of a stage. Needs no AWS account."""
    with stderr.status("Synthesising"):
        report = estimate_cost(posts_per_day, stage, peak, wait)
    if as_json:
        console.print_json(data=report.as_dict())
    else:
        report.show(console)


def status(on_local: Local = False, stage: Stage = "dev", as_json: AsJson = False) -> None:
    """Show the champion, alarms, metrics and running jobs."""
    deployment = DeploymentClient(find_target(on_local=on_local, stage=stage))
    name = "dev" if on_local else stage
    if as_json:
        console.print_json(data=take_snapshot(deployment, name, SPAN).as_dict())
    else:
        console.print(status_table(deployment, name))


def measure(
    on_local: Local = False,
    stage: Stage = "dev",
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Start (ISO 8601), at most 31 days before --to; by default, an hour before.",
        ),
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", help="End as an ISO 8601 time; by default, now.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure drift, live quality and the rate now."""
    span = span_of(start, end)
    deployment = DeploymentClient(find_target(on_local=on_local, stage=stage))
    with stderr.status("starting") as shown:
        measured = deployment.measure(*span, on_state=shown.update)
    if as_json:
        console.print_json(data=measured._asdict())
    else:
        console.print(measurement_table(measured))


def dashboard(
    on_local: Local = False,
    stage: Stage = "dev",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for any free port.")] = 8050,
) -> None:
    """Serve the monitoring dashboard of a stage, on this machine."""
    # Imported here: the plotting library is slow to import, and no other command needs it.
    from cli.dashboard import read_recent_rates, serve

    deployment = DeploymentClient(find_target(on_local=on_local, stage=stage))
    # CloudWatch bills each refresh by the number of metrics.
    every = timedelta(seconds=10 if on_local else 60)
    serve(
        lambda span: take_snapshot(deployment, "dev" if on_local else stage, span),
        lambda: read_recent_rates(deployment.target),
        port,
        every,
        lambda address: console.print(
            f"Dashboard of {deployment.target.name}: {address} (Ctrl-C to stop)", soft_wrap=True
        ),
    )


def api(
    on_local: Local = False,
    stage: Stage = "dev",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for any free port.")] = 8051,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="STRESSWATCH_TOKEN",
            help="Token, for a stage with a token issuer; by default, your AWS credentials sign "
            "the requests.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Serve the page of a stage's web service on this machine, and sign its requests.

    Its requests have your permissions: labels that you send are stored.
    """
    # Imported here: the web server is slow to import, and few commands need it.
    from cli.local_page import serve_page
    from cli.signing_proxy import PAGE, by_signature, by_token, signing_proxy

    target = find_target(on_local=on_local, stage=stage)
    if stack_outputs.WEB_SERVICE_URL not in target.outputs:
        raise OperatorError(
            f"The stack {target.name} was deployed without a web service; set web_service in "
            "cdk_app/settings/stages.py and deploy."
        )
    region = target.client("sts").meta.region_name
    authorise = by_token(token) if token else by_signature(region, target.credentials)
    serve_page(
        signing_proxy(target.output(stack_outputs.WEB_SERVICE_URL), authorise),
        port,
        lambda address: console.print(
            f"Web service of {target.name}: {address}{PAGE} (Ctrl-C to stop)", soft_wrap=True
        ),
    )


def destroy(
    stage: Annotated[str, typer.Option(help="The stage, on AWS.", show_default=False)],
    yes: Yes = False,
) -> None:
    """Delete a stage from AWS, except retained data; show a plan and ask first."""
    target = aws_target(stage)
    deletion = Deletion.of(target)
    deletion.plan.show(console)
    if not yes:
        typer.confirm(f"Delete {target.name} except its retained data?", abort=True)
    with console.status(f"Deleting {target.name}"):
        deletion.run()
    print_what_is_left(console, deletion.plan)
