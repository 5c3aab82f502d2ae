"""The background process: runs the emulator, deploys to it, and adds what it lacks."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import IO, NoReturn

from local.activity import Activity
from local.alarms.watch import AlarmWatch
from local.clock import accelerated_clock
from local.emulator.server import Server
from local.endpoint import ACCOUNT, REGION, Endpoint
from local.errors import LocalStackError
from local.event_source_mapping.mapping import EventSourceMapping
from local.event_source_mapping.poller import Poller
from local.metrics.embedded import LogMetrics
from local.metrics.services import ApiErrors, ExecutionOutcomes, QueueDepths
from local.state_file import Folder, LocalStack
from local.template import deploy
from local.template.assembly import Assembly, read_assembly
from local.template.rewrites import kinesis_mappings
from local.threads import Threads

log = logging.getLogger(__name__)

BUCKET = "local-deployments"
DETACH = "detach"
OWNER_VARIABLE = "STRESSWATCH_LOCAL_OWNER"
"""Variable with the id of a process that the local stack must not outlive, such as a test run."""

_ALARM_SECONDS = 0.5
_METRIC_SECONDS = 1.0
_STOP_SECONDS = 5.0


class Interrupted(BaseException):
    """A signal stops the local stack."""


def run(
    folder: Folder, template_directory: Path, port: int | None, tracking_uri: str | None
) -> int:
    """Run the local stack until a signal stops it; return the exit code.

    Standard output reports progress, readiness and failure to the parent, one JSON object per line.
    Standard input ends with the parent, which stops the stack unless the parent has written
    `detach`.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _interrupt)
    threading.Thread(target=_stop_when_abandoned, daemon=True).start()
    try:
        folder.hold()
        with _log_to(folder.log) as output:
            return _run(folder, template_directory, port, tracking_uri, output)
    except LocalStackError as error:
        _tell(error=str(error))
        return 1
    except Interrupted:
        return 0


def _run(
    folder: Folder,
    template_directory: Path,
    port: int | None,
    tracking_uri: str | None,
    output: IO[bytes],
) -> int:
    try:
        _serve(folder, template_directory, port, tracking_uri, output)
    except Interrupted:
        log.info("stopped")
        return 0
    except LocalStackError as error:
        log.error("%s", error)  # noqa: TRY400 - the message says it all
        _tell(error=str(error))
    except Exception as error:
        log.exception("broke")
        _tell(error=f"{type(error).__name__}: {error}")
    return 1


def _serve(
    folder: Folder,
    template_directory: Path,
    port: int | None,
    tracking_uri: str | None,
    output: IO[bytes],
) -> NoReturn:
    assembly = read_assembly(template_directory, ACCOUNT, REGION)
    activity = Activity()
    threads = _make_threads(activity)
    _progress("starting the emulator")
    server = Server.start(folder.state, output, port, activity)
    try:
        deployment = deploy.plan_deployment(assembly, BUCKET, server.endpoint.url, tracking_uri)
        _progress(f"deploying {len(deployment.template['Resources'])} resources")
        deploy.execute(deployment, BUCKET, server.endpoint)
        server.save()
        _progress("starting pollers and alarms")
        _drive(assembly, server.endpoint, folder.checkpoints, threads)
        stack = LocalStack(
            endpoint=server.endpoint.url,
            region=REGION,
            stack_name=assembly.stack_name,
            outputs=deploy.stack_outputs(assembly.stack_name, server.endpoint),
            pid=os.getpid(),
            started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        folder.write(stack)
        _tell(ready=True)
        os.dup2(output.fileno(), sys.stdout.fileno())
        while not threads.stopping.wait(0.5):
            if server.process.poll() is not None:
                raise LocalStackError(f"the emulator ended, exit code {server.process.returncode}")
            if _owner_is_gone():
                raise Interrupted
        raise threads.failure or LocalStackError("the pollers ended")
    finally:
        folder.remove()
        threads.stop(_STOP_SECONDS)
        server.stop()


def _make_threads(activity: Activity) -> Threads:
    """Return threads that pause while the stack is quiet, unless the clock is accelerated.

    An accelerated clock causes changes without a request.
    """
    return Threads(None if accelerated_clock.is_accelerated() else activity)


def _drive(assembly: Assembly, endpoint: Endpoint, checkpoints: Path, threads: Threads) -> None:
    """Start the services that the emulator lacks, for the resources of the stack."""
    endpoint = replace(endpoint, looks_around=True)
    resources = deploy.stack_resources(assembly.stack_name, endpoint)

    def physical_ids(kind: str) -> list[str]:
        return [identity for resource_type, identity in resources.values() if resource_type == kind]

    for logical_id in kinesis_mappings(assembly.template):
        mapping = EventSourceMapping.describe(resources[logical_id][1], endpoint)
        Poller(mapping, endpoint, checkpoints, threads).start()
    alarms = AlarmWatch(physical_ids("AWS::CloudWatch::Alarm"), endpoint)
    threads.repeat("alarms", _ALARM_SECONDS, alarms.tick)
    functions = endpoint.client("lambda")
    log_groups = [
        functions.get_function_configuration(FunctionName=name)["LoggingConfig"]["LogGroup"]
        for name in physical_ids("AWS::Lambda::Function")
    ]
    threads.repeat("metrics", _METRIC_SECONDS, LogMetrics(log_groups, endpoint).tick)
    queues = QueueDepths(physical_ids("AWS::SQS::Queue"), endpoint)
    threads.repeat("queues", _METRIC_SECONDS, queues.tick)
    executions = ExecutionOutcomes(physical_ids("AWS::StepFunctions::StateMachine"), endpoint)
    threads.repeat("executions", _METRIC_SECONDS, executions.tick)
    apis = ApiErrors(physical_ids("AWS::ApiGatewayV2::Api"), endpoint)
    threads.repeat("apis", _METRIC_SECONDS, apis.tick)


def _log_to(path: Path) -> IO[bytes]:
    """Send the log and standard error to a new file."""
    output = path.open("wb", buffering=0)
    os.dup2(output.fileno(), sys.stderr.fileno())
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s [%(name)s] %(message)s"
    )
    logging.getLogger("botocore").setLevel(logging.WARNING)
    return output


def _progress(text: str) -> None:
    log.info("%s", text)
    _tell(progress=text)


def _tell(**message: object) -> None:
    # The parent may be gone; standard input reports that.
    with contextlib.suppress(BrokenPipeError):
        print(json.dumps(message), flush=True)  # noqa: T201


def _owner_is_gone() -> bool:
    owner = os.environ.get(OWNER_VARIABLE)
    if not owner:
        return False
    try:
        os.kill(int(owner), 0)
    except ProcessLookupError:
        return True
    return False


def _stop_when_abandoned() -> None:
    # Unlike `sys.stdin`, this holds no lock that would block the interpreter's exit.
    if os.read(0, 64).strip() != DETACH.encode():
        os.kill(os.getpid(), signal.SIGTERM)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    """Stop once: a second signal must not disturb the shutdown."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    raise Interrupted
