"""The command `stresswatch`, for operators: on AWS, and with ``--local`` on the local stack."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.table import Table

import local
from cli.backfill.command import backfill as backfill_posts
from cli.backfill.command import source_of
from cli.cost.command import cost as estimate_cost
from cli.data import base_data, data_directory, fetching, synthetic_files
from cli.data.listing import Listing
from cli.deployment.client import Loop
from cli.deployment.deletion import Deletion, tell_what_is_left
from cli.deployment.serving_commit import serving_commit
from cli.deployment.synthesis import synthesize
from cli.deployment.target import (
    APP_DIRECTORY,
    LOCAL_DIRECTORY,
    Target,
    aws_target,
    local_target,
    local_tracking_uri,
)
from cli.errors import OperatorError, sentence
from cli.forget.command import forget as forget_posts
from cli.labelling import submit as submit_labels
from cli.model_versions import Versions
from cli.post_files import CheckedPosts, PostFile, Wanted, check_only
from cli.produce.progress import send_file
from cli.replay.command import replay as replay_records
from cli.replay.command import selection_of
from cli.reset import reset as reset_local
from cli.score.command import score as score_posts
from cli.smoke import smoke as smoke_test
from cli.status.snapshot import look
from cli.status.table import status_table
from stresswatch.retraining.run_report import describe, remark
from stresswatch.storage.training_sets import contradictions
from stresswatch.text.wording import counted

app = typer.Typer(
    help="Stress in social-media posts: served from a stream, watched, retrained with care.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
data = typer.Typer(help="Labelled posts to learn from.", no_args_is_help=True)
app.add_typer(data, name="data")


def _reason(why: str) -> str:
    if not why.strip():
        raise typer.BadParameter("a reason must not be blank")
    return why


Local = Annotated[bool, typer.Option("--local", help="The local stack instead of AWS.")]
Stage = Annotated[str, typer.Option(help="The stage, on AWS.")]
Version = Annotated[str, typer.Argument(help="A model version.", show_default=False)]
Why = Annotated[
    str,
    typer.Option(help="The reason, for the record.", show_default=False, callback=_reason),
]


def _named(file: Path | str | None) -> Path | str | None:
    try:
        str(file).encode()
    except UnicodeEncodeError:
        raise typer.BadParameter("the file's name is not UTF-8; rename it") from None
    return file


File = Annotated[
    Path, typer.Argument(help="The file to read.", show_default=False, callback=_named)
]

Check = Annotated[
    bool, typer.Option("--check", help="Only say what is in the file; needs no stack.")
]
AsJson = Annotated[bool, typer.Option("--json", help="With --check: one JSON object.")]

console = Console()
_errors = Console(stderr=True)


@contextmanager
def _sentence_on_error() -> Iterator[None]:
    """Report what an operator can act on in one sentence, and exit with 1."""
    try:
        yield
    except (OperatorError, local.LocalStackError) as error:
        _fail(str(error))
    except (BotoCoreError, ClientError) as error:
        _fail(sentence(error))
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}." if error.filename else f"{error}.")
    except KeyboardInterrupt:
        _errors.print("[yellow]Stopped.[/]")
        raise typer.Exit(130) from None


def _fail(message: str) -> NoReturn:
    _errors.print(message, style="red", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(1) from None


def _target(*, on_local: bool, stage: str) -> Target:
    if on_local:
        return local_target()
    try:
        return aws_target(stage)
    except OperatorError as error:
        raise OperatorError(f"{error} For the local stack, add --local.") from error


def _checks(file: Path | str | None, wanted: Wanted, *, check: bool, as_json: bool) -> bool:
    """Say what is in a file if that is what is asked for; tell whether it was."""
    if as_json and not check:
        raise typer.BadParameter("--json goes with --check")
    if check and (file is None or str(file).startswith("s3://")):
        raise typer.BadParameter("--check reads a file on this machine; give one")
    if check:
        check_only(Path(str(file)), wanted, _errors if as_json else console, as_json=as_json)
    return check


def _versions(*, on_local: bool, stage: str) -> Versions:
    return Versions(Loop(_target(on_local=on_local, stage=stage)))


def _version(asked: bool) -> None:
    if asked:
        console.print(version("stresswatch"))
        raise typer.Exit


@app.callback()
def main(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Stress in social-media posts: served from a stream, watched, retrained with care."""


@app.command()
def demo(
    output: Annotated[Path, typer.Option(help="Where its files go.")] = Path("build/demo"),
) -> None:
    """Play the whole loop on this machine, and write a report of it."""
    # Here, as the pictures' library is slow to import and no other command needs it.
    from cli.demo.play import play_demo

    with _sentence_on_error():
        play_demo(console, output)


@app.command()
def up() -> None:
    """Start the local stack."""
    with _sentence_on_error():
        with console.status("Synthesizing") as shown:
            stack = local.running(LOCAL_DIRECTORY) or local.up(
                LOCAL_DIRECTORY,
                template_directory=synthesize(APP_DIRECTORY),
                on_progress=shown.update,
                tracking_uri=local_tracking_uri(),
            )
        table = Table(title=f"{stack.stack_name} at {stack.endpoint}", title_justify="left")
        table.add_column("output", style="bold")
        table.add_column("value", overflow="fold")
        for name, value in sorted(stack.outputs.items()):
            table.add_row(name, value)
        console.print(table)


@app.command()
def down() -> None:
    """Stop the local stack."""
    with _sentence_on_error():
        stopped = local.down(LOCAL_DIRECTORY)
        where = LOCAL_DIRECTORY.resolve()
        said = "Stopped." if stopped else f"No local stack was running in {where}."
        console.print(said, soft_wrap=True)


@app.command()
def reset(
    on_local: Local = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Start over on this machine: stop the local stack and delete all that it keeps."""
    with _sentence_on_error():
        if not on_local:
            raise OperatorError(
                "`reset` deletes the local stack's state: add --local. For a stage on AWS: "
                "`stresswatch destroy`."
            )
        reset_local(console, lambda ask: yes or typer.confirm(ask, abort=True))


@app.command()
def produce(
    file: File,
    on_local: Local = False,
    stage: Stage = "dev",
    rate: Annotated[
        float | None, typer.Option(min=0.1, help="Posts a second at most.", show_default=False)
    ] = None,
    check: Check = False,
    as_json: AsJson = False,
) -> None:
    """Send the posts of a file to the posts stream: CSV, JSON Lines or Parquet, gzipped or not."""
    with _sentence_on_error():
        if _checks(file, Wanted.POSTS, check=check, as_json=as_json):
            return
        posts = PostFile(file)
        if send_file(console, _target(on_local=on_local, stage=stage), posts, rate):
            raise typer.Exit(1)


@app.command()
def smoke(
    on_local: Local = False,
    stage: Stage = "dev",
    wait: Annotated[
        float, typer.Option(min=1, max=3600, help="Seconds to wait for the predictions.")
    ] = 300.0,
) -> None:
    """Send a hundred synthetic posts, and see that each is predicted: after a deployment, say."""
    with _sentence_on_error():
        if not smoke_test(console, _target(on_local=on_local, stage=stage), wait):
            raise typer.Exit(1)


@app.command()
def deployed(stage: Stage = "dev") -> None:
    """Print the commit of the code that serves on AWS, which a newer one can be gone back to."""
    with _sentence_on_error():
        if commit := serving_commit(stage):
            typer.echo(commit)
            how = f"git switch --detach {commit} && make deploy STAGE={stage}"
            _errors.print(f"To go back to it: {how}", highlight=False, soft_wrap=True)
        else:
            _errors.print(f"Nothing serves in {stage} that could be gone back to.", highlight=False)


@app.command()
def cost(
    posts_per_day: Annotated[
        int, typer.Option(min=1_000, max=1_000_000_000, help="The load.", show_default=False)
    ],
    stage: Stage = "prod",
    peak: Annotated[
        float, typer.Option(min=1, max=1000, help="The busiest second, in means.")
    ] = 3.0,
    wait: Annotated[
        float, typer.Option(min=0, max=300, help="Seconds that a post may wait for its batch.")
    ] = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Estimate what a stage costs a month at a load, and what limits it. Needs no account."""
    with _sentence_on_error():
        with _errors.status("Synthesizing"):
            report = estimate_cost(posts_per_day, stage, peak, wait)
        if as_json:
            console.print_json(data=report.as_dict())
        else:
            report.show(console)


@app.command()
def status(on_local: Local = False, stage: Stage = "dev") -> None:
    """Tell what serves, what was measured and what runs."""
    with _sentence_on_error():
        target = _target(on_local=on_local, stage=stage)
        console.print(status_table(Loop(target), "dev" if on_local else stage))


@app.command()
def dashboard(
    stage: Annotated[
        str | None,
        typer.Option(help="A stage on AWS instead of the local stack.", show_default=False),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for any.")] = 8050,
) -> None:
    """Serve a page on this machine that shows what is to be seen of the local stack."""
    # Here, as the page's library is slow to import and no other command needs it.
    from cli.dashboard import serve

    with _sentence_on_error():
        loop = Loop(_target(on_local=stage is None, stage=stage or "dev"))
        # On AWS each look is paid for by the metric.
        every = timedelta(seconds=10 if stage is None else 60)
        serve(
            lambda span: look(loop, stage or "dev", span),
            port,
            every,
            lambda address: console.print(
                f"{loop.target.name} is to be seen at {address}; Ctrl-C ends it.", soft_wrap=True
            ),
        )


@app.command()
def seed(
    file: File,
    on_local: Local = False,
    stage: Stage = "dev",
    replace: Annotated[
        bool, typer.Option("--replace", help="Delete all other base data, once this is uploaded.")
    ] = False,
    check: Check = False,
    as_json: AsJson = False,
) -> None:
    """Upload labelled posts, any table with text and label, as base data that models learn from.

    A file of the same name, whatever its ending, is replaced. Files of other names stay, and models
    learn from all of them: see them with `stresswatch data list`.
    """
    with _sentence_on_error():
        if _checks(file, Wanted.BASE_DATA, check=check, as_json=as_json):
            return
        posts = CheckedPosts(file, Wanted.BASE_DATA, console)
        loop = Loop(_target(on_local=on_local, stage=stage))
        before = base_data.stored(loop)
        address = loop.seed(posts, base_data.name_of(file))
        console.print(
            f"{counted(len(posts), 'labelled post')}, {posts.report.stressed:,} of them stressed, "
            f"{'is' if len(posts) == 1 else 'are'} at {address}",
            soft_wrap=True,
        )
        posts.report.show(console)
        base_data.settle(console, loop, address, before, replace=replace)
        if count := contradictions(posts):
            console.print(remark("contradictory_posts", count), soft_wrap=True)


@app.command()
def label(
    file: File,
    on_local: Local = False,
    stage: Stage = "dev",
    check: Check = False,
    as_json: AsJson = False,
) -> None:
    """Submit labels of posts, with post_id, text and label, to live quality and retrainings."""
    with _sentence_on_error():
        if _checks(file, Wanted.LABELS, check=check, as_json=as_json):
            return
        submit_labels(console, Loop(_target(on_local=on_local, stage=stage)), file)


@app.command()
def retrain(
    on_local: Local = False,
    stage: Stage = "dev",
    wait: Annotated[bool, typer.Option("--wait", help="Follow it to its end.")] = False,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Within the cool-down, and without new labels.")
    ] = False,
) -> None:
    """Start a retraining."""
    with _sentence_on_error():
        loop = Loop(_target(on_local=on_local, stage=stage))
        execution = loop.start_retraining(
            "operator", "Started with `stresswatch retrain`", anyway=anyway
        )
        console.print(f"Started {execution}", soft_wrap=True)
        if wait:
            with console.status("starting") as shown:
                output = loop.follow(execution, 7200, shown.update)
            console.print(describe(output), markup=False, highlight=False)


@app.command()
def forget(
    post_ids: Annotated[
        list[str], typer.Argument(metavar="POST_ID", help="Ids of posts.", show_default=False)
    ],
    on_local: Local = False,
    stage: Stage = "dev",
    execute: Annotated[bool, typer.Option("--execute", help="Remove, not only count.")] = False,
) -> None:
    """Remove posts and their predictions from all that is kept; first tell how many there are."""
    with _sentence_on_error():
        forget_posts(console, _target(on_local=on_local, stage=stage), post_ids, execute=execute)


@app.command()
def versions(
    on_local: Local = False,
    stage: Stage = "dev",
    newest: Annotated[int, typer.Option(min=1, help="How many.")] = 20,
) -> None:
    """List the model versions: what they learned, how good they are, what became of them."""
    with _sentence_on_error():
        console.print(_versions(on_local=on_local, stage=stage).table(newest, console.width))


@app.command()
def rollback(
    why: Why,
    version: Annotated[
        str | None, typer.Argument(help="One that served before; by default the last.")
    ] = None,
    on_local: Local = False,
    stage: Stage = "dev",
) -> None:
    """Let an earlier version serve again, and keep the present one from coming back by itself."""
    with _sentence_on_error():
        pointer = _versions(on_local=on_local, stage=stage).rollback(version, why)
        console.print(f"{pointer.version} serves again; every predictor follows within a minute.")


@app.command()
def approve(version: Version, why: Why, on_local: Local = False, stage: Stage = "dev") -> None:
    """Let a challenger that the gate accepted become the champion."""
    with _sentence_on_error():
        _versions(on_local=on_local, stage=stage).answer(version, approved=True, why=why)
        console.print(f"{version} is approved, and will be promoted.")


@app.command()
def reject(version: Version, why: Why, on_local: Local = False, stage: Stage = "dev") -> None:
    """Keep a challenger that the gate accepted from becoming the champion."""
    with _sentence_on_error():
        _versions(on_local=on_local, stage=stage).answer(version, approved=False, why=why)
        console.print(f"{version} is rejected; the champion stays.")


@app.command()
def backfill(
    version: Annotated[
        str | None, typer.Option(help="The model version to score with.", show_default=False)
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(help="A new file, or a prefix in S3 (s3://...).", show_default=False),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Argument(help="A file of posts.", show_default=False, callback=_named),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option("--from", help="Or those that the posts stream took from this moment on,"),
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="and before this one.")] = None,
    on_local: Local = False,
    stage: Stage = "dev",
    check: Check = False,
    as_json: AsJson = False,
) -> None:
    """Score posts of before with a model version of choice; nothing that is live is touched."""
    with _sentence_on_error():
        if _checks(file, Wanted.POSTS, check=check, as_json=as_json):
            return
        if version is None or out is None:
            raise typer.BadParameter("give --version and --out; --check alone needs neither")
        source = source_of(file, start, end)
        target = _target(on_local=on_local, stage=stage)
        backfill_posts(console, target, version, source, out)


@app.command()
def score(
    file: Annotated[
        str,
        typer.Argument(
            help="A file of posts, or s3://...",
            show_default=False,
            callback=_named,
        ),
    ],
    version: Annotated[
        str | None, typer.Option(help="The model version, if not the champion.")
    ] = None,
    on_local: Local = False,
    stage: Stage = "dev",
    check: Check = False,
    as_json: AsJson = False,
) -> None:
    """Score a file of any size in the stack, many parts at a time; results lie beside it."""
    with _sentence_on_error():
        if _checks(file, Wanted.POSTS, check=check, as_json=as_json):
            return
        score_posts(console, _target(on_local=on_local, stage=stage), file, version)


@app.command()
def replay(
    on_local: Local = False,
    stage: Stage = "dev",
    reason: Annotated[
        list[str] | None, typer.Option(help="Only what is there for this reason; repeatable.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Only what the posts stream took from this moment on,")
    ] = None,
    until: Annotated[str | None, typer.Option(help="and before this one.")] = None,
    execute: Annotated[bool, typer.Option("--execute", help="Send, not only count.")] = False,
) -> None:
    """Send quarantined records and failed batches to the predictor again, after a fix."""
    with _sentence_on_error():
        selection = selection_of(reason or [], since, until)
        target = _target(on_local=on_local, stage=stage)
        left = replay_records(console, target, selection, execute=execute)
        if execute and left:
            raise typer.Exit(1)


@app.command()
def destroy(
    stage: Annotated[str, typer.Option(help="The stage, on AWS.", show_default=False)],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete a stage from AWS, but for the data that it keeps; first tell what becomes of what."""
    with _sentence_on_error():
        target = aws_target(stage)
        deletion = Deletion.of(target)
        deletion.plan.show(console)
        if not yes:
            typer.confirm(f"Delete {target.name}, and all of it that is not left?", abort=True)
        with console.status(f"Deleting {target.name}"):
            deletion.run()
        tell_what_is_left(console, deletion.plan)


@data.command("list")
def list_data(
    on_local: Local = False,
    stage: Stage = "dev",
    newest: Annotated[int, typer.Option(min=1, help="How many training sets.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """List base data, labels, and what each training set is made of."""
    with _sentence_on_error():
        loop = Loop(_target(on_local=on_local, stage=stage))
        with _errors.status("Reading"):
            listing = Listing.of(loop, newest)
        if as_json:
            console.print_json(data=listing.as_dict())
        else:
            listing.show(console)


@data.command("fetch")
def fetch(
    source: Annotated[
        str, typer.Option("--from", help="A zip or CSV: a file or an address.")
    ] = fetching.ADDRESS,
    directory: Annotated[
        Path | None, typer.Option("--to", help="The folder to fetch to.", show_default=False)
    ] = None,
) -> None:
    """Fetch Dreaddit, real labelled posts, from its authors' page or a file, and check it."""
    with _sentence_on_error():
        directory = directory or data_directory()
        for name, split in fetching.fetch(source, directory).items():
            console.print(f"{directory / name}: {split}", soft_wrap=True)


@data.command("synthesize")
def synthesize_posts(
    train: Annotated[
        Path, typer.Argument(help="The file of posts to learn from.", show_default=False)
    ],
    stream: Annotated[
        Path | None,
        typer.Argument(help="Another file, of other posts to stream.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random numbers.")] = 7,
) -> None:
    """Write synthetic labelled posts as JSON Lines: a training file, and a stream file.

    The two share no post id and no text: `seed` the first, `produce` and `label` the second.
    """
    with _sentence_on_error():
        for file, posts in synthetic_files.write(train, stream, seed).items():
            console.print(f"{file}: {counted(posts, 'post')}", soft_wrap=True)
