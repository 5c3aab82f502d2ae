"""Errors of the local stack.

::

    LocalStackError            a request cannot be fulfilled
    ├── UnsupportedTemplate    a template needs something unsupported
    └── DeploymentFailed       a resource of a template was refused

    TrainingJobFailed          the error of the training runner, a separate function
    Interrupted                a signal ends the daemon; not to be caught as an error
"""

from __future__ import annotations


class LocalStackError(RuntimeError):
    """The local stack cannot fulfil a request; the message says why, and what to do."""


class UnsupportedTemplate(LocalStackError):
    """The template needs something that the local stack does not support."""


class DeploymentFailed(LocalStackError):
    """A resource of the template was refused; the message names it and gives the reason."""
