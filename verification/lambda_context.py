"""The context that Lambda passes to a function with its event."""

from types import SimpleNamespace

CONTEXT = SimpleNamespace(
    function_name="f",
    function_version="1",
    memory_limit_in_mb=1,
    invoked_function_arn="a",
    aws_request_id="r",
    get_remaining_time_in_millis=lambda: 60_000,
)
