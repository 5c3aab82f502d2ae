"""An execution is followed by the state that it entered last, even with a long history."""

from cli.deployment.client import DeploymentClient
from cli.deployment.target import Target
from tests.strict_calls import checked


class Stepfunctions:
    """An execution whose history has more events than an answer holds."""

    def get_execution_history(self, executionArn, maxResults, reverseOrder):  # noqa: N803 - boto3's
        checked(
            "stepfunctions",
            "GetExecutionHistory",
            executionArn=executionArn,
            maxResults=maxResults,
            reverseOrder=reverseOrder,
        )
        events = [
            event
            for state in range(60)
            for event in (
                {"stateEnteredEventDetails": {"name": f"state {state}"}},
                {"stateExitedEventDetails": {"name": f"state {state}"}},
            )
        ]
        return {"events": events[::-1][:maxResults] if reverseOrder else events[:maxResults]}


def test_the_state_entered_last_is_found_in_a_long_history():
    client = DeploymentClient(Target("stresswatch-dev", {}, lambda _: Stepfunctions()))
    assert client.current_state("arn:execution") == "state 59"
