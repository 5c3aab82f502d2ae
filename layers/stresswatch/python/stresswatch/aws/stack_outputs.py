"""Names of a stage's stack, and of the outputs with its resources."""

from __future__ import annotations

ARCHIVE_BUCKET = "ArchiveBucketName"
CHAMPION_PARAMETER = "ChampionParameterName"
CODE_COMMIT = "CodeCommit"
DEAD_LETTERS_QUEUE = "DeadLettersQueueName"
DRIFT_ALARM = "DriftAlarmName"
DRIFT_FUNCTION = "DriftFunctionName"
FAILED_BATCHES_QUEUE = "FailedBatchesQueueName"
JOURNAL_TABLE = "JournalTableName"
LABEL_QUEUE_BUCKET = "LabelQueueBucketName"
MODEL_BUCKET = "ModelBucketName"
MONITORING_STATE_MACHINE = "MonitoringStateMachineArn"
NOTIFICATION_TOPIC = "NotificationTopicArn"
PLAN_FUNCTION = "PlanFunctionName"
POSTS_STREAM = "PostsStreamName"
PREDICTIONS_STREAM = "PredictionsStreamName"
PREDICTOR_FUNCTION = "PredictorFunctionName"
QUALITY_ALARM = "QualityAlarmName"
QUALITY_FUNCTION = "QualityFunctionName"
QUARANTINE_BUCKET = "QuarantineBucketName"
QUERY_DATABASE = "QueryDatabaseName"
QUERY_WORKGROUP = "QueryWorkgroupName"
RATE_FUNCTION = "RateFunctionName"
RETRAINING_STATE_MACHINE = "RetrainingStateMachineArn"
SCORER = "Scorer"
SCORING_PART_BYTES = "ScoringPartBytes"
SCORING_STATE_MACHINE = "ScoringStateMachineArn"
SETTLE_FUNCTION = "SettleFunctionName"
SHADOW_PARAMETER = "ShadowParameterName"
TASK = "TaskName"
TRAINING_BUCKET = "TrainingBucketName"
WEB_SERVICE_API_ID = "WebServiceApiId"
WEB_SERVICE_URL = "WebServiceUrl"

BUCKETS = (ARCHIVE_BUCKET, MODEL_BUCKET, QUARANTINE_BUCKET, TRAINING_BUCKET)
"""Outputs of every stack; one with a label queue has `LABEL_QUEUE_BUCKET` as well."""


def stack_name(stage: str) -> str:
    """Return the name of a stage's stack in its account and region."""
    return f"stresswatch-{stage}"
