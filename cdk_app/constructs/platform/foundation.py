"""The shared resources of the stack, made once and passed on as one value."""

from __future__ import annotations

from dataclasses import dataclass

from constructs import Construct

from cdk_app.constructs.platform.alarms import Alarms
from cdk_app.constructs.platform.dead_letters import DeadLetters
from cdk_app.constructs.platform.functions import Functions
from cdk_app.constructs.platform.identity_secret import IdentitySecret
from cdk_app.constructs.platform.journal import Journal
from cdk_app.constructs.platform.model_pointers import ModelPointers
from cdk_app.constructs.platform.notifications import Notifications
from cdk_app.constructs.platform.storage import Storage
from cdk_app.constructs.platform.streams import Streams
from cdk_app.settings.stage import Stage


@dataclass(frozen=True)
class Foundation:
    """The shared resources of one stage.

    Attributes
    ----------
    stage : Stage
        The settings of this deployment.
    storage : Storage
        Buckets and their keys.
    streams : Streams
        The posts stream and the predictions stream.
    pointers : ModelPointers
        The pointers to the serving and the shadowing version.
    identity : IdentitySecret
        The key of the digests of texts.
    journal : Journal
        The table shared by retrainings.
    notifications : Notifications
        The topic of alarms and retraining results.
    alarms : Alarms
        Factory of alarms, with a list of them.
    functions : Functions
        Factory of functions with the shared layers.
    dead_letters : DeadLetters
        The queue of events that failed after all retries.
    """

    stage: Stage
    storage: Storage
    streams: Streams
    pointers: ModelPointers
    identity: IdentitySecret
    journal: Journal
    notifications: Notifications
    alarms: Alarms
    functions: Functions
    dead_letters: DeadLetters

    @classmethod
    def make(cls, scope: Construct, stage: Stage) -> Foundation:
        """Make the shared resources of a stage in a stack."""
        storage = Storage(scope, "Storage", stage)
        notifications = Notifications(scope, "Notifications", storage.key)
        return cls(
            stage=stage,
            storage=storage,
            streams=Streams(scope, "Streams", stage, storage.key),
            pointers=ModelPointers(scope, "Champion", stage),
            identity=IdentitySecret(scope, "IdentityKey", stage, storage.key),
            journal=Journal(scope, "Journal", stage, storage.key),
            notifications=notifications,
            alarms=Alarms(stage, notifications),
            functions=Functions(scope, "Functions", stage, storage.key),
            dead_letters=DeadLetters(scope, "DeadLetters", storage.key),
        )
