"""The web service: an HTTP API with a function that scores posts and accepts labels."""

from __future__ import annotations

import json

from aws_cdk import Duration
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from cdk_app.constructs.platform.foundation import Foundation
from cdk_app.constructs.platform.functions import invoked_in_step, log_group, role_of
from cdk_app.constructs.serving.canary import Canary, FailureMetric
from cdk_app.settings.web_service import WebService as Settings
from stresswatch.aws.stack_outputs import stack_name
from stresswatch.monitoring import metric_names
from stresswatch.serving.environments import ApiEnvironment
from stresswatch.serving.web_service import ROUTES
from stresswatch.storage.training_sets import LABELS_PREFIX
from stresswatch.task.definition import TASK
from stresswatch.versions.model_version import MODELS_PREFIX

_ANY_OTHER = "/{proxy+}"


class WebService(Construct):
    """Callers with IAM or token authorisation → HTTP API → function → champion, labels."""

    def __init__(self, scope: Construct, id: str, foundation: Foundation, settings: Settings):
        super().__init__(scope, id)
        stage, storage, pointers = foundation.stage, foundation.storage, foundation.pointers
        self.function = foundation.functions.predicting_function(
            self,
            "api",
            memory_mb=1769,
            timeout=Duration.seconds(25),  # the gateway's limit is 30
            concurrency=settings.concurrency,
            environment=ApiEnvironment(
                stage=stage.name,
                champion_parameter=pointers.champion.parameter_name,
                champion_ttl_seconds=stage.serving.champion_ttl_seconds,
                training_bucket=storage.training.bucket_name,
                reasons=stage.serving.reasons,
                scorer=stage.serving.scorer,
            ),
        )
        invoked_in_step(
            self.function, "the gateway waits for the result, and returns errors to the caller."
        )
        role = role_of(self.function)
        pointers.grant_read_champion(role)
        storage.grant_read(role, storage.models, MODELS_PREFIX)
        storage.grant_write(role, storage.training, LABELS_PREFIX)
        storage.grant_list(role, storage.training, LABELS_PREFIX)
        self.api = apigateway.HttpApi(
            self,
            "Api",
            api_name=stack_name(stage.name),
            description=f"{TASK.title}, predicted on request",
            create_default_stage=False,
            default_authorizer=_authorizer(settings),
        )
        self.canary = (
            Canary(self, "Release", foundation, self.function)
            if stage.serving.canary_minutes
            else None
        )
        integration = integrations.HttpLambdaIntegration(
            "Function",
            self.canary.alias if self.canary else self.function,
            scope_permission_to_route=False,
        )
        for method, path in ROUTES:
            self.api.add_routes(
                path=path, methods=[apigateway.HttpMethod[method]], integration=integration
            )
        # The function's own response for unknown paths, instead of the gateway's.
        self.api.add_routes(path=_ANY_OTHER, integration=integration)
        self._serve(foundation, settings)
        meaning = "The web service cannot answer: it has no model, fails, or is throttled."
        self.failure = FailureMetric(
            metric=metric_names.SERVER_ERRORS,
            service="api",
            threshold=settings.errors_alarm_count,
            meaning=meaning,
            runbook="web-service-errors",
        )
        foundation.alarms.make(
            self,
            "ServerErrorsAlarm",
            cloudwatch.Metric(
                namespace="AWS/ApiGateway",
                metric_name="5xx",
                dimensions_map={"ApiId": self.api.api_id},
                statistic="Sum",
                period=Duration.minutes(5),
            ),
            meaning=meaning,
            runbook="web-service-errors",
            threshold=settings.errors_alarm_count,
        )

    def _serve(self, foundation: Foundation, settings: Settings) -> None:
        """Deploy the API with throttling, and a log without the content of requests."""
        logs = log_group(
            self,
            "AccessLogs",
            foundation.stage,
            foundation.storage.key,
            vended="web-service",
        )
        served = apigateway.HttpStage(
            self,
            "Stage",
            http_api=self.api,
            auto_deploy=True,
            throttle=apigateway.ThrottleSettings(
                rate_limit=settings.requests_per_second, burst_limit=settings.burst
            ),
        )
        resource = served.node.default_child
        assert isinstance(resource, apigateway.CfnStage)
        resource.access_log_settings = apigateway.CfnStage.AccessLogSettingsProperty(
            destination_arn=logs.log_group_arn, format=_access_log_format(settings)
        )


def _authorizer(settings: Settings) -> apigateway.IHttpRouteAuthorizer:
    if settings.jwt is None:
        return authorizers.HttpIamAuthorizer()
    return authorizers.HttpJwtAuthorizer(
        "Jwt", settings.jwt.issuer, jwt_audience=list(settings.jwt.audience)
    )


def _access_log_format(settings: Settings) -> str:
    """Return the log format: caller, route and result, without path, query, address or body."""
    who = "authorizer.claims.sub" if settings.jwt else "identity.userArn"
    names = {
        "requestId": "requestId",
        "requestTime": "requestTime",
        "routeKey": "routeKey",
        "status": "status",
        "caller": who,
        "responseLength": "responseLength",
        "responseLatency": "responseLatency",
        "integrationLatency": "integrationLatency",
        "errorType": "error.responseType",
    }
    return json.dumps({name: f"$context.{variable}" for name, variable in names.items()})
