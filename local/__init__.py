"""The embedded AWS: starts it, deploys the synthesized template to it, drives what it does not.

`up` starts it in the background, `running` finds it, `down` stops it. The emulator is `ministack`,
which is used through AWS's public interfaces alone; `rewrites.REWRITES` lists every difference
between the template that is synthesized and what runs locally.
"""

from local.control import down, running, up
from local.errors import DeploymentFailed, LocalStackError, UnsupportedTemplate
from local.state_file import LocalStack

__all__ = [
    "DeploymentFailed",
    "LocalStack",
    "LocalStackError",
    "UnsupportedTemplate",
    "down",
    "running",
    "up",
]
