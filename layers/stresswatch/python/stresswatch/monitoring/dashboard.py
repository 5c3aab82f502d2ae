"""What an operator looks at: one list of panels, wherever they are drawn.

The CloudWatch dashboard (`cdk_app`), the file for Grafana, `stresswatch status` and the page of
`stresswatch dashboard` (`cli`) are all made of `SECTIONS`; the answer people come for is first.
"""

from __future__ import annotations

from stresswatch.aws import stack_outputs
from stresswatch.contracts.predictions import DRIFT_COLUMNS
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
"""Of the functions that run without being asked, with the outputs that name them."""

STRESS_RATE = Section(
    f"What is the {TASK.label.rate}?",
    (
        Panel(
            TASK.label.rate.capitalize(),
            f"The share of posts of the last seven full days that are {TASK.label.name(1)}: "
            "corrected by labels of drawn posts, with its interval, and as the model calls it.",
            "share",
            (
                Series("corrected", metric_names.STRESS_RATE, "Average"),
                Series("lower bound", metric_names.STRESS_RATE_LOWER_BOUND, "Average"),
                Series("upper bound", metric_names.STRESS_RATE_UPPER_BOUND, "Average"),
                Series("called by the model", metric_names.CALLED_STRESS_RATE, "Average"),
            ),
            minutes=1440,
        ),
        Panel(
            f"{TASK.label.rate.capitalize()} by community",
            "The corrected rate of the twenty largest communities that have enough labels. "
            "`stresswatch trend` shows the intervals.",
            "share",
            (
                Series(
                    "",
                    metric_names.STRESS_RATE,
                    "Average",
                    dimensions={**OF_STAGE, dimension_names.COMMUNITY: ANY},
                ),
            ),
            minutes=1440,
        ),
    ),
)

SECTIONS = (
    STRESS_RATE,
    Section(
        "Does it serve?",
        (
            Panel(
                "Posts in, predictions out",
                "Where the lines part for long, posts wait, break the contract, or were removed.",
                "posts",
                (
                    of_stream("taken by the stream", "IncomingRecords", stack_outputs.POSTS_STREAM),
                    counted("predicted", metric_names.POSTS_PREDICTED, "predictor"),
                    counted("in quarantine", metric_names.POSTS_QUARANTINED, "predictor"),
                    counted("removed by the platform", metric_names.POSTS_REMOVED, "predictor"),
                ),
            ),
            Panel(
                "How long posts wait",
                "From the stream's taking a post to the predictor's; it grows when the predictor "
                "cannot follow.",
                "seconds",
                (of_predictor("longest", "IteratorAge", "Maximum", 0.001),),
                alarmed="IteratorAge",
            ),
            Panel(
                "How long a batch takes",
                "From the predictor's start on a batch to the last prediction's being out.",
                "seconds",
                (
                    of_predictor("half of them", "Duration", "p50", 0.001),
                    of_predictor("99 of 100", "Duration", "p99", 0.001),
                ),
            ),
            Panel(
                "What went wrong",
                "Each of these has an alarm and a runbook. All lines should be at 0.",
                "times",
                (
                    counted("posts in quarantine", metric_names.POSTS_QUARANTINED, "predictor"),
                    counted("batches given back", metric_names.UNFINISHED_BATCHES, "predictor"),
                    of_predictor("predictor failed", "Errors", "Sum"),
                    of_predictor("predictor throttled", "Throttles", "Sum"),
                    counted("champion refused", metric_names.CHAMPION_REFUSED, "predictor"),
                    counted("challenger failed", metric_names.SHADOW_FAILURES, "predictor"),
                    waiting("batches given up", stack_outputs.FAILED_BATCHES_QUEUE),
                    waiting("events without a target", stack_outputs.DEAD_LETTERS_QUEUE),
                ),
            ),
            Panel(
                "What posts and labels lack",
                "None of these is refused, but many of them point to a producer or an annotator.",
                "times",
                (
                    counted("number missing", metric_names.NUMBERS_IMPUTED, "predictor"),
                    counted("field dropped", metric_names.FIELDS_DROPPED, "predictor"),
                    counted("labelled 0 and 1", metric_names.CONTRADICTORY_POSTS, "dataset"),
                    counted("label of the future", metric_names.FUTURE_LABELS, "dataset"),
                ),
            ),
            Panel(
                "Web service",
                "Posts and labels that came in requests, where the stage has the web service.",
                "times",
                (
                    counted("post predicted", metric_names.POSTS_PREDICTED, "api"),
                    counted("post refused", metric_names.POSTS_REFUSED, "api"),
                    counted("label taken", metric_names.LABELS_TAKEN, "api"),
                ),
            ),
        ),
    ),
    Section(
        "Is it still right?",
        (
            Panel(
                "Drift",
                "Of the columns that are compared, the share that moved from what the champion "
                "was measured on.",
                "share",
                (Series("drifted columns", metric_names.DRIFT_SHARE, "Maximum"),),
                alarmed=metric_names.DRIFT_SHARE,
                minutes=60,
            ),
            Panel(
                "Drift by column",
                "Which columns those are: each adds one while it is drifted.",
                "columns",
                (
                    Series("could not be compared", metric_names.FAILED_COLUMNS, "Maximum"),
                    *(
                        Series(
                            column,
                            metric_names.COLUMN_DRIFT,
                            "Maximum",
                            dimensions={**OF_STAGE, dimension_names.COLUMN: column},
                        )
                        for column in DRIFT_COLUMNS
                    ),
                ),
                is_stacked=True,
                minutes=60,
            ),
            Panel(
                "Live quality",
                "Of the champion's predictions that somebody labelled; the bounds are of F1's "
                "95 % interval.",
                "share",
                (
                    Series("F1", metric_names.F1, "Minimum"),
                    Series("F1, lower bound", metric_names.F1_LOWER_BOUND, "Minimum"),
                    Series("F1, upper bound", metric_names.F1_UPPER_BOUND, "Minimum"),
                    Series("precision", metric_names.PRECISION, "Minimum"),
                    Series("recall", metric_names.RECALL, "Minimum"),
                    Series("F1, estimated without labels", metric_names.ESTIMATED_F1, "Average"),
                ),
                alarmed=metric_names.F1_UPPER_BOUND,
                minutes=1440,
            ),
            Panel(
                "F1 by community",
                "Live F1 of each community with enough labelled posts; CloudWatch and Grafana show "
                "its name as it is encoded.",
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
            ),
            Panel(
                "What those figures rest on",
                "With few posts there is no figure, which is no good news and no bad one.",
                "posts",
                (
                    Series("in the drift window", metric_names.WINDOW_POSTS, "Maximum"),
                    Series("labelled", metric_names.LABELLED_POSTS, "Maximum"),
                    Series("trained on, left out", metric_names.TRAINED_ON_POSTS, "Maximum"),
                ),
                minutes=60,
            ),
            Panel(
                "Monitoring runs",
                "How the runs ended that settle and measure the windows; what one leaves, the next "
                "takes up.",
                "times",
                of_workflow(stack_outputs.MONITORING_STATE_MACHINE),
                minutes=60,
            ),
        ),
    ),
    Section(
        "Which model, and what became of the others?",
        (
            Panel(
                "Posts scored, by version",
                "The champion changes where one colour follows the other; a challenger that "
                "shadows stands on top of it.",
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
                "How they ended, and what the gate said of the challengers that they made.",
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
        "What drives the cost?",
        (
            Panel(
                "Computing",
                "Seconds that functions ran, times their memory: what Lambda asks money for.",
                "GB-seconds",
                tuple(
                    of_function(name, "Duration", output, "Sum", memory / 1024 / 1000)
                    for name, (output, memory) in MEMORY_MB.items()
                ),
                is_stacked=True,
            ),
            Panel(
                "Requests",
                "Invocations of the predictor, and objects that it put into S3: fewer with larger "
                "batches.",
                "requests",
                (
                    of_predictor("invocations", "Invocations", "Sum"),
                    counted("objects put", metric_names.OBJECTS_PUT, "predictor"),
                ),
            ),
            Panel(
                "Into the streams",
                "What was put on them: shards are added by it.",
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
                "Minutes of the training jobs that SageMaker sends a bill for.",
                "minutes",
                (counted("billed", metric_names.TRAINING_SECONDS, "gate", 1 / 60),),
            ),
        ),
    ),
)
PANELS = tuple(panel for section in SECTIONS for panel in section.panels)
