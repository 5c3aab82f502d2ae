"""The stages: every setting in which one deployment differs from another."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cdk_app.errors import InvalidStage
from cdk_app.setting_types import check_types
from stresswatch.contracts.posts import NUMERIC_FEATURES
from stresswatch.model.explainer import Explains
from stresswatch.monitoring.drift_rules import DriftRules
from stresswatch.retraining.gate import Rules

LOG_RETENTION_DAYS = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731,
    1096, 1827, 2192, 2557, 2922, 3288, 3653,
)  # fmt: skip
"""What CloudWatch Logs accepts as retention."""

_MLFLOW_ARN = re.compile(
    r"arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:\d{12}:mlflow-(app|tracking-server)/[\w-]+"
)
_SCHEDULE = re.compile(
    r"rate\((1 (minute|hour|day)|([2-9]|[1-9]\d+) (minutes|hours|days))\)|cron\(\S+( \S+){5}\)"
)
_HTTPS = re.compile(r"https://[\w.-]+(:\d+)?(/\S*)?")


LIMITS: Mapping[str, tuple[float, float]] = {
    "stream_shards": (1, 500),
    "parallelization_factor": (1, 10),
    "provisioned_concurrency": (0, 1000),
    "key_deletion_days": (7, 30),
    "key_rotation_days": (90, 2560),
    "archive_retention_days": (1, 3650),
    "stream_retention_hours": (24, 8760),
    "predictor_concurrency": (1, 1000),
    "other_concurrency": (1, 1000),
    "champion_ttl_seconds": (1, 60),
    "batch_size": (1, 10_000),
    "batch_window_seconds": (0, 300),
    "maximum_record_age_seconds": (60, 604_800),
    "window_minutes": (5, 1440),
    "minimum_window_posts": (50, 1_000_000),
    "maximum_window_posts": (50, 100_000),
    "report_link_hours": (1, 168),
    "drift_share_threshold": (0.01, 1.0),
    "quality_window_days": (1, 90),
    "quality_every_hours": (1, 24),
    "minimum_labelled_posts": (30, 1_000_000),
    "accepted_f1": (0.01, 1.0),
    "iterator_age_alarm_seconds": (1, 604_800),
    "silence_alarm_minutes": (1, 1440),
    "throttles_alarm_count": (1, 1_000_000),
    "quarantine_alarm_posts": (1, 1_000_000_000),
    "unfinished_alarm_batches": (1, 1_000_000),
    "training_volume_gb": (1, 16_384),
    "training_maximum_minutes": (1, 1440),
    "k": (1, len(NUMERIC_FEATURES)),
    "seed": (0, 2**32 - 1),
    "retraining_cool_down_minutes": (0, 43_200),
    "minimum_new_labels": (1, 1_000_000),
    "training_attempts": (1, 20),
    "capacity_wait_minutes": (1, 1440),
    "shadow_minutes": (0, 43_200),
    "approval_hours": (1, 720),
    "quarantine_retention_days": (1, 3650),
    "scoring_concurrency": (1, 1000),
    "scoring_part_mb": (1, 128),
    "scoring_tolerated_failure_percentage": (0, 100),
    "scoring_days": (1, 365),
    "query_scan_limit_mb": (10, 7_000_000),
    "query_results_days": (1, 365),
}
"""The lowest and highest value of each number."""

CANARY_MINUTES = (0, 5, 10, 15, 30)
"""For which of them CodeDeploy has a configuration of its own; 0 is for no canary."""

ON_DEMAND_SHARDS = 4
"""What a stream on demand begins with."""

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LONGEST_NAME = 20
"""It is part of the names of what is deployed, for which AWS has limits."""

_WITH_LOCAL_DISK = re.compile(r"ml\.([a-z]+\d+[a-z]*d[a-z]*|g[56]\w*|gr6|p5\w*|p6[\w-]*|trn\w*)\.")
"""https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-store-volumes.html"""

_SUBNET = re.compile(r"subnet-[0-9a-f]{8,17}")
_SECURITY_GROUP = re.compile(r"sg-[0-9a-f]{8,17}")
_PRINCIPAL = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:(role|user)/[\w+=,.@/-]+")


class StreamMode(StrEnum):
    """Who says how many shards a stream has."""

    PROVISIONED = "provisioned"
    ON_DEMAND = "on_demand"


@dataclass(frozen=True)
class Jwt:
    """Whose tokens the web service takes.

    Attributes
    ----------
    issuer : str
        The https address below which the issuer's keys are found.
    audience : tuple of str
        Whom a token must have been made for: one of these.
    """

    issuer: str
    audience: tuple[str, ...]

    def __post_init__(self) -> None:
        check_types(self, "jwt")
        if not _HTTPS.fullmatch(self.issuer):
            raise InvalidStage(
                f"jwt: issuer is {self.issuer!r}; it must begin with https://: keys are read there"
            )
        if not self.audience or not all(self.audience):
            raise InvalidStage(
                f"jwt: audience is {self.audience!r}; it must be a tuple of names, and without any "
                "the tokens that the issuer makes for others would be taken as well"
            )


@dataclass(frozen=True)
class WebService:
    """Settings of the web service.

    Attributes
    ----------
    jwt : Jwt or None
        Whose tokens callers show; by default they sign with credentials of AWS, and IAM decides.
    requests_per_second, burst : int
        How many requests all callers together may make, steadily and at once; the gateway answers
        others with 429.
    concurrency : int
        How many requests are answered at once, where the stage reserves it for the function.
    errors_alarm_count : int
        From how many answers of 500 and above within five minutes somebody is told.
    """

    jwt: Jwt | None = None
    requests_per_second: int = 50
    burst: int = 100
    concurrency: int = 10
    errors_alarm_count: int = 5

    def __post_init__(self) -> None:
        check_types(self, "web_service")
        limits = {
            "requests_per_second": (1, 10_000),
            "burst": (1, 5_000),
            "concurrency": (1, 1000),
            "errors_alarm_count": (1, 1_000_000),
        }
        for setting, (lowest, highest) in limits.items():
            if not lowest <= getattr(self, setting) <= highest:
                raise InvalidStage(
                    f"web_service: {setting} is {getattr(self, setting)}; "
                    f"it must be between {lowest} and {highest}"
                )


@dataclass(frozen=True)
class Stage:
    """Settings of one deployment, checked when it is made.

    Attributes
    ----------
    retains_data : bool
        Keep buckets, streams and keys when the stack is deleted, and protect the stack from that.
    requires_byte_code : bool
        Refuse to synthesize without the functions' own Python, whose byte code the layers ship.
    stream_mode : StreamMode
        ``provisioned`` with ``stream_shards``, or ``on_demand``: Kinesis adds shards by itself, and
        an idle stream costs more.
    stream_shards, stream_retention_hours : int
        How many shards a provisioned stream has, and how long it keeps a record.
    enhanced_fan_out : bool
        Give the predictor 2 MB a second of each shard for itself, whoever else reads.
    parallelization_factor : int
        How many batches of one shard are predicted at once; a partition key's stay in order.
    canary_minutes : int
        How long a tenth of the batches and requests goes to new code of the predictor and of the
        web service, watched by their alarms, before all do; 0 for all at once.
    provisioned_concurrency : int
        How many environments of the predictor are kept warm, and paid for; 0 for none.
    subnet_ids, security_group_ids : tuple of str
        The network that the functions are put into, by its ids; nothing is for outside of any. It
        must reach S3, Kinesis, SSM, Secrets Manager, SNS, DynamoDB, CloudWatch, X-Ray, Step
        Functions and SageMaker.
    key_administrators : tuple of str
        ARNs of roles and users who may administer the keys, beside those whom IAM lets.
    key_deletion_days, key_rotation_days : int
        How long a deleted key can be had back, and how often its material changes.
    reserves_concurrency : bool
        Reserve concurrency for each function, which no other function of the account can take.
        New accounts often have 10 in all: see the page on stages for what the account needs.
    predictor_concurrency, other_concurrency : int
        How many invocations at once are reserved for the predictor, which needs one a shard, and
        for each other function, where the stage reserves concurrency.
    champion_ttl_seconds : int
        How soon a warm predictor looks for another champion.
    reasons : Explains
        Which predictions say what moved them. Reasons hold words of the post.
    batch_size, batch_window_seconds : int
        The event source mapping of the posts stream.
    maximum_record_age_seconds : int
        How old a post may become before the mapping gives it up; until then it is tried again.
    window_minutes, minimum_window_posts, maximum_window_posts : int
        The window that drift is measured on, and how often: the minutes divide an hour, or the
        day into hours. Fewer posts give no figure, and of more a sample is compared.
    drift : DriftRules
        When a column of a window has drifted: method and threshold by column.
    drift_share_threshold : float
        Share of drifted columns from which the alarm fires: any of the thirteen.
    report_link_hours : int
        How long a link to a window's page is good for at most.
    quality_window_days, quality_every_hours, minimum_labelled_posts : int
        How far back the champion's predictions are measured by labels, how often, and how many
        posts must be labelled for a figure, overall and of a community.
    accepted_f1 : float
        The alarm fires when even the upper end of the live F1's 95 % interval is below it.
    iterator_age_alarm_seconds : int
        How long a post may wait in the stream before somebody is told.
    silence_alarm_minutes : int
        After how long without a single post somebody is told.
    throttles_alarm_count, quarantine_alarm_posts, unfinished_alarm_batches : int
        How many of them within five minutes somebody is told of.
    runbooks : str
        Where the pages of ``docs/runbooks`` are to be read, for the alarms' descriptions.
    training_instance_type, training_volume_gb, training_maximum_minutes : str, int, int
        The machine of a training job, its disk, and how long it may take.
    k, seed : int
        Hyperparameters of the training job.
    retraining_cool_down_minutes : int
        How long after a training no other begins, unless somebody insists.
    minimum_new_labels : int
        How many labels must be new since a version was last judged for a retraining to be worth it.
    retraining_schedule : str or None
        When a retraining is tried without an alarm, as an expression of EventBridge Scheduler.
    training_on_spot : bool
        Train on spot instances, which wait for capacity as long again as a training may take.
    training_attempts, capacity_wait_minutes : int
        How often a training is tried that AWS had no instance for, and how long it waits between.
    gate : Rules
        What a challenger must show before it takes the champion's place.
    shadow_minutes : int
        How long a challenger that the gate accepted scores live posts beside the champion before
        its promotion; 0 for not at all.
    requires_approval, approval_hours : bool, int
        Whether a person has the last word before a promotion, and how long the champion waits for
        it; without a word it stays.
    tracking_uri : str or None
        Where MLflow records the training jobs: the ARN of an MLflow app or tracking server of
        SageMaker, or a server's https address. A job that tracks is not isolated from the network.
    log_retention_days, quarantine_retention_days : int
        How long logs, and records that were refused or given up, are kept.
    archive_retention_days : int or None
        How long predictions are kept, or None for ever.
    scoring_concurrency : int
        How many parts of a large file are scored at once.
    scoring_part_mb : int
        How large such a part is.
    scoring_tolerated_failure_percentage : int
        Of the parts, how many may fail before the others are given up.
    scoring_days : int
        How long files to score, which hold text, and their results stay.
    registers_versions : bool
        Keep each judged version in a model package group of SageMaker too, with its metrics and
        approval status, and let an approval or a rejection there count.
    query_scan_limit_mb, query_results_days : int
        How much one query of Athena may read, which is what it costs, and how long results stay.
    web_service : WebService or None
        How posts are predicted on request over HTTPS; by default they are not, and nothing listens.
    """

    name: str
    retains_data: bool
    requires_byte_code: bool
    stream_mode: StreamMode = StreamMode.PROVISIONED
    stream_shards: int = 1
    stream_retention_hours: int = 24
    enhanced_fan_out: bool = False
    parallelization_factor: int = 1
    canary_minutes: int = 0
    provisioned_concurrency: int = 0
    subnet_ids: tuple[str, ...] = ()
    security_group_ids: tuple[str, ...] = ()
    key_administrators: tuple[str, ...] = ()
    key_deletion_days: int = 30
    key_rotation_days: int = 365
    reserves_concurrency: bool = False
    predictor_concurrency: int = 10
    other_concurrency: int = 5
    champion_ttl_seconds: int = 30
    reasons: Explains = Explains.ON_REQUEST
    batch_size: int = 500
    batch_window_seconds: int = 1
    maximum_record_age_seconds: int = 3600
    window_minutes: int = 60
    minimum_window_posts: int = 500
    maximum_window_posts: int = 10_000
    drift: DriftRules = field(default_factory=DriftRules)
    drift_share_threshold: float = 0.05
    report_link_hours: int = 12
    quality_window_days: int = 7
    quality_every_hours: int = 24
    minimum_labelled_posts: int = 50
    accepted_f1: float = 0.7
    iterator_age_alarm_seconds: int = 300
    silence_alarm_minutes: int = 60
    throttles_alarm_count: int = 1
    quarantine_alarm_posts: int = 100
    unfinished_alarm_batches: int = 5
    runbooks: str = "docs/runbooks"
    training_instance_type: str = "ml.m5.large"
    training_volume_gb: int = 10
    training_maximum_minutes: int = 60
    k: int = len(NUMERIC_FEATURES)
    seed: int = 7
    retraining_cool_down_minutes: int = 360
    minimum_new_labels: int = 100
    retraining_schedule: str | None = "rate(1 day)"
    training_on_spot: bool = True
    training_attempts: int = 4
    capacity_wait_minutes: int = 15
    gate: Rules = field(default_factory=Rules)
    shadow_minutes: int = 60
    requires_approval: bool = False
    approval_hours: int = 72
    tracking_uri: str | None = None
    registers_versions: bool = False
    web_service: WebService | None = None
    log_retention_days: int = 30
    archive_retention_days: int | None = None
    quarantine_retention_days: int = 30
    scoring_concurrency: int = 10
    scoring_part_mb: int = 16
    scoring_tolerated_failure_percentage: int = 5
    scoring_days: int = 7
    query_scan_limit_mb: int = 10_000
    query_results_days: int = 7

    def __post_init__(self) -> None:
        check_types(self, self.name)
        if not _NAME.fullmatch(self.name) or len(self.name) > LONGEST_NAME:
            raise InvalidStage(
                f"a stage's name is {self.name!r}; it must be of small letters, digits and single "
                f"hyphens, begin with a letter, and have at most {LONGEST_NAME} characters"
            )
        for setting, (lowest, highest) in LIMITS.items():
            value = getattr(self, setting)
            if value is not None and not lowest <= value <= highest:
                raise InvalidStage(
                    f"{self.name}: {setting} is {value}; it must be between {lowest} and {highest}"
                )
        if self.maximum_window_posts < self.minimum_window_posts:
            raise InvalidStage(
                f"{self.name}: maximum_window_posts is {self.maximum_window_posts}; it must be "
                f"between {self.minimum_window_posts}, the minimum_window_posts, and 100000"
            )
        if 60 % self.window_minutes and (self.window_minutes % 60 or 1440 % self.window_minutes):
            raise InvalidStage(
                f"{self.name}: window_minutes is {self.window_minutes}; it must divide an hour, or "
                "be of whole hours that divide a day"
            )
        if self.log_retention_days not in LOG_RETENTION_DAYS:
            raise InvalidStage(
                f"{self.name}: log_retention_days is {self.log_retention_days}; "
                f"CloudWatch Logs keeps logs for one of {LOG_RETENTION_DAYS} days"
            )
        if self.maximum_record_age_seconds > self.stream_retention_hours * 3600:
            raise InvalidStage(
                f"{self.name}: maximum_record_age_seconds is longer than the stream keeps a record"
            )
        if self.stream_mode == StreamMode.ON_DEMAND and self.stream_shards != 1:
            raise InvalidStage(
                f"{self.name}: stream_shards is {self.stream_shards}, but the stream_mode is "
                "on_demand, and Kinesis chooses; leave stream_shards out"
            )
        if self.reserves_concurrency and self.predictor_concurrency < self.batches_at_once:
            raise InvalidStage(
                f"{self.name}: predictor_concurrency is {self.predictor_concurrency}, below the "
                f"{self.batches_at_once} batches at once that stream_shards and "
                "parallelization_factor make: Lambda would throttle the mapping"
            )
        if self.reserves_concurrency and self.provisioned_concurrency > self.predictor_concurrency:
            raise InvalidStage(
                f"{self.name}: provisioned_concurrency is {self.provisioned_concurrency}, above "
                f"predictor_concurrency, {self.predictor_concurrency}, which bounds it"
            )
        if self.canary_minutes not in CANARY_MINUTES:
            raise InvalidStage(
                f"{self.name}: canary_minutes is {self.canary_minutes}; "
                f"it must be one of {', '.join(map(str, CANARY_MINUTES))}"
            )
        if bool(self.subnet_ids) != bool(self.security_group_ids):
            raise InvalidStage(
                f"{self.name}: subnet_ids and security_group_ids go together; one is empty"
            )
        for setting, form in {
            "subnet_ids": _SUBNET,
            "security_group_ids": _SECURITY_GROUP,
            "key_administrators": _PRINCIPAL,
        }.items():
            for value in getattr(self, setting):
                if not form.fullmatch(value):
                    raise InvalidStage(
                        f"{self.name}: {setting} holds {value!r}, which is not of the form "
                        f"{form.pattern}"
                    )
        if self.iterator_age_alarm_seconds >= self.maximum_record_age_seconds:
            raise InvalidStage(
                f"{self.name}: iterator_age_alarm_seconds is not below "
                "maximum_record_age_seconds: the alarm would come after the first loss"
            )
        if self.retraining_schedule is not None and not _SCHEDULE.fullmatch(
            self.retraining_schedule
        ):
            raise InvalidStage(
                f"{self.name}: retraining_schedule is {self.retraining_schedule!r}; it must be "
                "rate(…) or cron(…), as EventBridge writes them, or None"
            )
        if self.tracking_uri is not None and not (
            self.tracking_arn or _HTTPS.fullmatch(self.tracking_uri)
        ):
            raise InvalidStage(
                f"{self.name}: tracking_uri is {self.tracking_uri}; it must be the ARN of an "
                "MLflow app or tracking server of SageMaker, or begin with https://"
            )

    @property
    def batches_at_once(self) -> int:
        """How many batches the mapping hands out at once, at least."""
        on_demand = self.stream_mode == StreamMode.ON_DEMAND
        return (ON_DEMAND_SHARDS if on_demand else self.stream_shards) * self.parallelization_factor

    @property
    def trains_on_local_disk(self) -> bool:
        """Whether the training instance's own disk holds the data, which has no key of ours.

        SageMaker refuses a key for the volume of such an instance, whose hardware encrypts it.
        """
        return _WITH_LOCAL_DISK.match(self.training_instance_type) is not None

    @property
    def tracking_arn(self) -> str | None:
        """The address of MLflow, where it is SageMaker's."""
        is_arn = self.tracking_uri and _MLFLOW_ARN.fullmatch(self.tracking_uri)
        return self.tracking_uri if is_arn else None


STAGES = {
    stage.name: stage
    for stage in (
        Stage(
            name="dev",
            retains_data=False,
            requires_byte_code=False,
            canary_minutes=5,
            champion_ttl_seconds=5,
            minimum_window_posts=200,
            retraining_cool_down_minutes=0,
            minimum_new_labels=20,
            retraining_schedule=None,
            scoring_concurrency=2,
            shadow_minutes=0,
            web_service=WebService(),
            log_retention_days=7,
            quarantine_retention_days=7,
            iterator_age_alarm_seconds=60,
        ),
        Stage(
            name="staging",
            retains_data=True,
            requires_byte_code=True,
            canary_minutes=5,
            registers_versions=True,
        ),
        Stage(
            name="prod",
            retains_data=True,
            requires_byte_code=True,
            canary_minutes=10,
            reserves_concurrency=True,
            stream_shards=2,
            stream_retention_hours=168,
            maximum_record_age_seconds=86_400,
            log_retention_days=90,
            shadow_minutes=1440,
            requires_approval=True,
            registers_versions=True,
        ),
    )
}


def stage_named(name: str) -> Stage:
    """Give a stage by its name.

    Raises
    ------
    InvalidStage
        When there is none of that name.
    """
    if name not in STAGES:
        raise InvalidStage(f"there is no stage {name!r}; there are {', '.join(STAGES)}")
    return STAGES[name]
