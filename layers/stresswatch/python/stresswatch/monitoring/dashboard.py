"""The dashboard: one list of panels for every place that draws them.

The CloudWatch dashboard (`cdk_app`), the Grafana file, `stresswatch status` and the page of
`stresswatch dashboard` (`cli`) are all generated from `SECTIONS`, most important panels first.
"""

from __future__ import annotations

from stresswatch.aws import stack_outputs
from stresswatch.contracts.predictions import MONITORED_FEATURES
from stresswatch.monitoring import dimension_names, metric_names
from stresswatch.monitoring.panels import ANY, OF_STAGE, Panel, Section, Series
from stresswatch.monitoring.series import (
    counted,
    of_function,
    of_predictor,
    of_stream,
    of_workflow,
    waiting,
)
from stresswatch.task.definition import TASK

MEMORY_MB = {
    "predictor": (stack_outputs.PREDICTOR_FUNCTION, 1769),
    "plan": (stack_outputs.PLAN_FUNCTION, 512),
    "settle": (stack_outputs.SETTLE_FUNCTION, 1769),
    "drift": (stack_outputs.DRIFT_FUNCTION, 2048),
    "quality": (stack_outputs.QUALITY_FUNCTION, 1769),
    "rate": (stack_outputs.RATE_FUNCTION, 1769),
}
"""Functions that run unattended, with the outputs that name them."""

RATE = Section(
    TASK.label.rate.capitalize(),
    (
        Panel(
            TASK.label.rate.capitalize(),
            f"Share of {TASK.label.name(1)} posts in the last seven full days: corrected by labels "
            "of sampled posts, with its 95 % interval, and as called by the model.",
            "share",
            (
                Series("corrected", metric_names.CORRECTED_RATE, "Average"),
                Series("lower bound", metric_names.CORRECTED_RATE_LOWER_BOUND, "Average"),
                Series("upper bound", metric_names.CORRECTED_RATE_UPPER_BOUND, "Average"),
                Series("called by the model", metric_names.CALLED_RATE, "Average"),
            ),
            minutes=1440,
        ),
        Panel(
            f"{TASK.label.rate.capitalize()} by community",
            "Corrected rate of the twenty largest communities with enough labels. "
            "`stresswatch trend` shows the intervals.",
            "share",
            (
                Series(
                    "",
                    metric_names.CORRECTED_RATE,
                    "Average",
                    dimensions={**OF_STAGE, dimension_names.COMMUNITY: ANY},
                ),
            ),
            minutes=1440,
        ),
    ),
)

SECTIONS = (
    RATE,
    Section(
        "Serving",
        (
            Panel(
                "Posts in, predictions out",
                "A lasting gap between the lines means waiting, invalid or removed posts.",
                "posts",
                (
                    of_stream(
                        "received by the stream", "IncomingRecords", stack_outputs.POSTS_STREAM
                    ),
                    counted("predicted", metric_names.POSTS_PREDICTED, "predictor"),
                    counted("in quarantine", metric_names.POSTS_QUARANTINED, "predictor"),
                    counted("removed by the platform", metric_names.POSTS_REMOVED, "predictor"),
                ),
            ),
            Panel(
                "Stream latency",
                "Time from a post's arrival to its batch; it grows when the predictor falls "
                "behind.",
                "seconds",
                (of_predictor("longest", "IteratorAge", "Maximum", 0.001),),
                alarmed="IteratorAge",
            ),
            Panel(
                "Batch latency",
                "Time that the predictor takes for a batch.",
                "seconds",
                (
                    of_predictor("p50", "Duration", "p50", 0.001),
                    of_predictor("p99", "Duration", "p99", 0.001),
                ),
            ),
            Panel(
                "Errors",
                "All lines should be at zero. Each has an alarm and a runbook.",
                "times",
                (
                    counted("posts in quarantine", metric_names.POSTS_QUARANTINED, "predictor"),
                    counted("partial batch failures", metric_names.PARTIAL_FAILURES, "predictor"),
                    of_predictor("predictor errors", "Errors", "Sum"),
                    of_predictor("predictor throttles", "Throttles", "Sum"),
                    counted("model load failures", metric_names.MODEL_LOAD_FAILURES, "predictor"),
                    counted("challenger failures", metric_names.SHADOW_FAILURES, "predictor"),
                    waiting("discarded batches", stack_outputs.FAILED_BATCHES_QUEUE),
                    waiting("undelivered events", stack_outputs.DEAD_LETTERS_QUEUE),
                ),
            ),
            Panel(
                "Data quality",
                "Accepted posts and labels that point to a faulty producer or annotator.",
                "times",
                (
                    counted("feature missing", metric_names.VALUES_IMPUTED, "predictor"),
                    counted("field dropped", metric_names.FIELDS_DROPPED, "predictor"),
                    counted("labelled 0 and 1", metric_names.CONTRADICTORY_POSTS, "dataset"),
                    counted("label from the future", metric_names.FUTURE_LABELS, "dataset"),
                ),
            ),
            Panel(
                "Web service",
                "Posts and labels in requests, if the stage has the web service.",
                "times",
                (
                    counted("post predicted", metric_names.POSTS_PREDICTED, "api"),
                    counted("post rejected", metric_names.POSTS_REJECTED, "api"),
                    counted("label accepted", metric_names.LABELS_ACCEPTED, "api"),
                ),
            ),
        ),
    ),
    Section(
        "Model quality",
        (
            Panel(
                "Drift",
                "Share of the features whose distribution differs from the champion's reference.",
                "share",
                (Series("drifted features", metric_names.DRIFT_SHARE, "Maximum"),),
                alarmed=metric_names.DRIFT_SHARE,
                minutes=60,
                is_of_champion=True,
            ),
            Panel(
                "Drift by feature",
                "Each drifted feature counts 1. Comparisons that failed should be 0.",
                "features",
                (
                    *(
                        Series(
                            feature,
                            metric_names.FEATURE_DRIFT,
                            "Maximum",
                            dimensions={**OF_STAGE, dimension_names.FEATURE: feature},
                        )
                        for feature in MONITORED_FEATURES
                    ),
                    Series("comparisons that failed", metric_names.FAILED_COMPARISONS, "Maximum"),
                ),
                is_stacked=True,
                minutes=60,
                is_of_champion=True,
            ),
            Panel(
                "Live quality",
                "Metrics of the champion's labelled predictions, with F1's 95 % interval.",
                "share",
                (
                    Series("F1", metric_names.F1, "Minimum"),
                    Series("F1 lower bound", metric_names.F1_LOWER_BOUND, "Minimum"),
                    Series("F1 upper bound", metric_names.F1_UPPER_BOUND, "Minimum"),
                    Series("precision", metric_names.PRECISION, "Minimum"),
                    Series("recall", metric_names.RECALL, "Minimum"),
                    Series("F1 estimated without labels", metric_names.ESTIMATED_F1, "Average"),
                ),
                alarmed=metric_names.F1_UPPER_BOUND,
                minutes=1440,
                is_of_champion=True,
            ),
            Panel(
                "F1 by community",
                "Live F1 of communities with enough labels; CloudWatch and Grafana encode names.",
                "share",
                (
                    Series(
                        "",
                        metric_names.F1,
                        "Minimum",
                        dimensions={**OF_STAGE, dimension_names.COMMUNITY: ANY},
                    ),
                ),
                minutes=1440,
                is_of_champion=True,
            ),
            Panel(
                "Sample sizes",
                "With too few posts, a metric is missing; this is neither good nor bad news.",
                "posts",
                (
                    Series("in the drift window", metric_names.WINDOW_POSTS, "Maximum"),
                    Series("labelled", metric_names.LABELLED_POSTS, "Maximum"),
                    Series("excluded training posts", metric_names.EXCLUDED_POSTS, "Maximum"),
                ),
                minutes=60,
            ),
            Panel(
                "Monitoring runs",
                "Results of the monitoring workflow; the next run completes a failed one.",
                "times",
                of_workflow(stack_outputs.MONITORING_STATE_MACHINE),
                minutes=60,
            ),
        ),
    ),
    Section(
        "Versions and retraining",
        (
            Panel(
                "Posts scored, by version",
                "Each colour is a version. A shadowing challenger is stacked on the champion.",
                "posts",
                (
                    Series(
                        "",
                        metric_names.POSTS_SCORED,
                        dimensions={
                            **OF_STAGE,
                            dimension_names.SERVICE: "predictor",
                            dimension_names.ROLE: ANY,
                            dimension_names.MODEL_VERSION: ANY,
                        },
                    ),
                ),
                is_stacked=True,
            ),
            Panel(
                "Retrainings",
                "Results of the retraining workflow, and the gate's verdicts.",
                "times",
                (
                    *of_workflow(stack_outputs.RETRAINING_STATE_MACHINE),
                    counted("suppressed", metric_names.RETRAININGS_SUPPRESSED, "admission"),
                    counted("declined", metric_names.RETRAININGS_DECLINED, "dataset"),
                    counted("challenger accepted", metric_names.CHALLENGERS_ACCEPTED, "gate"),
                    counted("challenger rejected", metric_names.CHALLENGERS_REJECTED, "gate"),
                ),
            ),
        ),
    ),
    Section(
        "Cost drivers",
        (
            Panel(
                "Computing",
                "Billed Lambda duration: seconds times memory.",
                "GB-seconds",
                tuple(
                    of_function(name, "Duration", output, "Sum", memory / 1024 / 1000)
                    for name, (output, memory) in MEMORY_MB.items()
                ),
                is_stacked=True,
            ),
            Panel(
                "Requests",
                "Predictor invocations and S3 objects; larger batches need fewer.",
                "requests",
                (
                    of_predictor("invocations", "Invocations", "Sum"),
                    counted("objects put", metric_names.OBJECTS_PUT, "predictor"),
                ),
            ),
            Panel(
                "Stream volume",
                "Incoming data, which decides the number of shards.",
                "MB",
                (
                    of_stream("posts", "IncomingBytes", stack_outputs.POSTS_STREAM, 1e-6),
                    of_stream(
                        "predictions", "IncomingBytes", stack_outputs.PREDICTIONS_STREAM, 1e-6
                    ),
                ),
            ),
            Panel(
                "Training",
                "Billed minutes of SageMaker training jobs.",
                "minutes",
                (counted("billed", metric_names.TRAINING_SECONDS, "gate", 1 / 60),),
            ),
        ),
    ),
)
PANELS = tuple(panel for section in SECTIONS for panel in section.panels)
