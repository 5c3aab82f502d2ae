"""The deployment of a command: a stack in AWS, or the local one."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, cast

import boto3
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError

import local
from cli.console import stderr
from cli.errors import NoSuchStack, OperatorError, sentence
from local.endpoint import OPERATOR
from stresswatch.aws import stack_outputs
from stresswatch.aws.stack_outputs import stack_name
from stresswatch.model.scorer import ScorerKind
from stresswatch.retraining.tracking import TRACKING_ADDRESS
from stresswatch.task.definition import TASK
from stresswatch.task.reading import TASK_VARIABLE

LOCAL_DIRECTORY = Path(".stresswatch")
TRACKING_DIRECTORY = LOCAL_DIRECTORY / "mlflow"
APP_DIRECTORY = LOCAL_DIRECTORY / "cdk.out"


@dataclass(frozen=True)
class Target:
    """A deployed stack: its session, its outputs, and its age.

    Attributes
    ----------
    started : datetime or None
        Start of the local stack, which may lack earlier executions and metrics.
    """

    name: str
    outputs: Mapping[str, str]
    client: Callable[[str], Any]
    is_local: bool = False
    created: datetime | None = None
    started: datetime | None = None

    def output(self, name: str) -> str:
        """Return an output of the stack.

        Raises
        ------
        OperatorError
            When the stack has no such output.
        """
        try:
            return self.outputs[name]
        except KeyError:
            raise OperatorError(
                f"The stack {self.name} has no output {name}; deploy this version of the code."
            ) from None

    @property
    def credentials(self) -> Credentials:
        """The credentials for signing requests to the web service."""
        if self.is_local:
            return OPERATOR
        # There are some: the stack was found with them.
        return cast(Credentials, boto3.Session().get_credentials())

    @property
    def scorer(self) -> ScorerKind:
        """The limit of the stage for scoring."""
        return ScorerKind(self.output(stack_outputs.SCORER))


def find_target(*, on_local: bool, stage: str) -> Target:
    """Find the local stack of this folder, or a stage's on AWS.

    Raises
    ------
    OperatorError
        When there is none, AWS cannot be called, or the stack has another task.
    """
    if on_local:
        target = local_target()
    else:
        try:
            target = aws_target(stage)
        except OperatorError as error:
            raise OperatorError(f"{error} For the local stack, add --local.") from error
    _require_own_task(target)
    return target


def is_older_task(outputs: Mapping[str, str]) -> bool:
    """Return whether a stack has the features or label of an earlier version of the task file."""
    return outputs.get(stack_outputs.TASK_DIGEST, TASK.digest) != TASK.digest


def _require_own_task(target: Target) -> None:
    """Refuse the stack of another task, whose posts and labels this process would misread.

    An earlier version of the same task is only named: it serves until the next deployment.
    """
    deployed = target.outputs.get(stack_outputs.TASK, TASK.name)
    if deployed != TASK.name:
        raise OperatorError(
            f"The stack {target.name} has the task {deployed}, and this terminal the task "
            f"{TASK.name}. Set {TASK_VARIABLE} to the file that defines {deployed}, or deploy "
            f"{TASK.name}."
        )
    if is_older_task(target.outputs):
        how = "run `stresswatch down` and `stresswatch up`" if target.is_local else "deploy"
        stderr.print(
            f"The task file has changed since {target.name} was deployed: the stack still has "
            f"its earlier features and label. To change them, {how}.",
            soft_wrap=True,
            highlight=False,
        )


def local_target(directory: Path = LOCAL_DIRECTORY) -> Target:
    """Find the local stack that runs in a directory.

    Raises
    ------
    OperatorError
        When none runs there.
    """
    stack = local.running(directory)
    if stack is None:
        raise OperatorError(
            f"No local stack is running in {directory.resolve()}; start one with `stresswatch up`, "
            "or go to a folder where one was started."
        )
    return of_local_stack(stack)


def local_tracking_uri(directory: Path = TRACKING_DIRECTORY) -> str:
    """Return the address where MLflow records training runs on this machine.

    `MLFLOW_TRACKING_URI`, or else an SQLite file in a directory.
    """
    file = directory.resolve() / "mlflow.db"
    return os.environ.get(TRACKING_ADDRESS) or f"sqlite:///{file}"


def of_local_stack(stack: local.LocalStack) -> Target:
    return Target(
        stack.stack_name,
        stack.outputs,
        cache(stack.client),
        is_local=True,
        started=datetime.fromisoformat(stack.started_at),
    )


def aws_target(stage: str) -> Target:
    """Find a stage's stack in the account and region of the environment's credentials.

    Raises
    ------
    NoSuchStack
    OperatorError
        When there are no credentials, or no region.
    """
    name = stack_name(stage)
    try:
        session = boto3.Session()
        found = session.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    except (ClientError, BotoCoreError) as error:
        if "does not exist" in str(error):
            raise NoSuchStack(
                f"There is no stack {name} in {session.region_name}; deploy it, or look in "
                "another region (AWS_DEFAULT_REGION)."
            ) from error
        raise OperatorError(sentence(error)) from error
    outputs = {item["OutputKey"]: item["OutputValue"] for item in found.get("Outputs", [])}
    return Target(
        name,
        outputs,
        cache(lambda service: session.client(service)),
        created=found["CreationTime"],
    )
