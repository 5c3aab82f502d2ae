"""What can go wrong with the local stack, in the words of its domain."""

from __future__ import annotations


class LocalStackError(RuntimeError):
    """The local stack cannot do what it was asked for; the message says why, and what to do."""


class UnsupportedTemplate(LocalStackError):
    """The template asks for something that the local stack does not know how to run."""


class DeploymentFailed(LocalStackError):
    """A resource of the template was refused; the message names it and gives the reason."""
