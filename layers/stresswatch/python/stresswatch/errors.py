"""Errors of the domain: a base for each kind of caller's answer, and everything that derives.

::

    InvalidInput               refuse it: sent again, it is refused again
    ├── InvalidEvent           an event is not one of a Kinesis mapping
    ├── InvalidPost            a record is not a post
    ├── InvalidTask            a file does not define a task
    ├── InvalidRecord          a record is none that a stream takes
    ├── InvalidWindow          an event names no window of time
    ├── InvalidDriftRules      the rules of drift cannot be read
    ├── InvalidGateRules       the gate's rules cannot be read, or decide nothing
    ├── IncomparableColumn     a window's column cannot be compared
    ├── InvalidPointer         a parameter holds no pointer to a version
    ├── InvalidModelVersion    files are no model version
    ├── DigestMismatch         a model file is not the one that the pointer names
    ├── CorruptArtefact        bytes are no artefact
    ├── UntrustedType          a pipeline is made of a type that is not trusted
    ├── ScorerNotAllowed       a version needs scikit-learn, and the stage has arrays alone
    ├── OtherLabel             a version predicts another label than that of the task
    └── NotExportable          a pipeline has no artefact that scores as it does

    Unavailable                try again once somebody has provided it
    ├── InvalidEnvironment     an environment variable is missing or malformed
    ├── KeyUnavailable         the key of the digests cannot be read
    ├── NotSettled             a window is measured before all of its parts are settled
    └── ChampionUnavailable    there is no model to serve with

    AwsFailure                 AWS refused a write, or did not answer a query
    ├── Overtaken              another settle wrote the same part meanwhile
    ├── PointerExists          another version became the first champion meanwhile
    ├── LabelsChange           labels change faster than they are folded
    ├── QueryFailed            Athena did not answer a query
    └── RefusedMetrics         CloudWatch refused some metrics of a window

    ProducerError              a post was not put
    ├── NotTaken               the stream did not take a record
    ├── ProducerFull           no room came free in time
    └── ProducerClosed         the producer takes no more posts

    Problem                    what the web service answers with a status of HTTP
    UnforeseenError            stands in for an error whose message could quote a post

Each is defined beside the code that raises it. The functions and the training job derive from the
same bases.
"""

from __future__ import annotations


class InvalidInput(ValueError):
    """Something that was handed over is not what it has to be; the message says why."""


class Unavailable(LookupError):
    """Something that the code cannot do without is not there, or cannot be read."""


class AwsFailure(RuntimeError):
    """AWS refused a write or a query, and the caller has to hear of it."""


class ProducerError(Exception):
    """A producer did not put a post."""
