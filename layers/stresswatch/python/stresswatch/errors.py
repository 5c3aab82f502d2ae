"""The domain's errors: a base for each kind of response, and the tree of subclasses.

::

    InvalidInput               reject it; a retry fails again
    ├── InvalidEvent           an event is not one of a Kinesis mapping
    ├── InvalidPost            a record is not a post
    ├── InvalidTask            a file does not define a task
    ├── InvalidRecord          a stream cannot accept a record
    ├── InvalidWindow          an event names no time window
    ├── InvalidDriftRules      the drift rules cannot be read
    ├── InvalidGateRules       the gate's rules cannot be read, or decide nothing
    ├── IncomparableFeature     a window's feature cannot be compared
    ├── InvalidPointer         a parameter is not a pointer to a version
    ├── InvalidModelVersion    files are not a model version
    ├── DigestMismatch         a model file's digest differs from the pointer's
    ├── CorruptArtefact        bytes are not an artefact
    ├── UntrustedType          a pipeline contains an untrusted type
    ├── ScorerNotAllowed       a version needs scikit-learn, but the stage allows only arrays
    ├── OtherLabel             a version predicts another label than that of the task
    └── NotExportable          arrays cannot reproduce a pipeline's scores

    Unavailable                retry once the cause is resolved
    ├── InvalidEnvironment     an environment variable is missing or malformed
    ├── KeyUnavailable         the key of the digests cannot be read
    ├── NotSettled             a window is measured before all of its parts are settled
    └── ChampionUnavailable    no model can be served

    AwsFailure                 AWS refused a write, or did not answer a query
    ├── Overtaken              another run settled the same part in the meantime
    ├── PointerExists          another version became the first champion in the meantime
    ├── LabelsChange           labels change faster than the table is updated
    ├── QueryFailed            Athena did not answer a query
    └── RefusedMetrics         CloudWatch refused some metrics of a window

    ProducerError              a post was not put
    ├── NotTaken               the stream did not take a record
    ├── ProducerFull           the timeout for free space has passed
    └── ProducerClosed         the producer takes no more posts

    Problem                    an HTTP error response of the web service
    UnforeseenError            replaces an error whose message could quote a post

Each error is defined in the module that raises it. The functions and the training job use the same
bases.
"""

from __future__ import annotations


class InvalidInput(ValueError):
    """An input is invalid; the message says why."""


class Unavailable(LookupError):
    """A required resource is missing, or cannot be read."""


class AwsFailure(RuntimeError):
    """AWS refused a write or a query, and the caller must handle it."""


class ProducerError(Exception):
    """A producer did not put a post."""
