"""What can go wrong with the local stack, in the words of its domain.

::

    LocalStackError            it cannot do what it was asked for
    ├── UnsupportedTemplate    a template asks for something that is not run here
    └── DeploymentFailed       a resource of a template was refused

    TrainingJobFailed          what the training runner, a function of its own, fails with
    Interrupted                a signal ends the daemon; not to be caught as an error
"""

from __future__ import annotations


class LocalStackError(RuntimeError):
    """The local stack cannot do what it was asked for; the message says why, and what to do."""


class UnsupportedTemplate(LocalStackError):
    """The template asks for something that the local stack does not know how to run."""


class DeploymentFailed(LocalStackError):
    """A resource of the template was refused; the message names it and gives the reason."""
