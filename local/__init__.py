"""The local stack: starts the emulator, deploys the template, and runs what the emulator lacks.

`up` starts it in the background, `running` finds it, `down` stops it. The emulator is `ministack`,
which is used through AWS's public APIs only; `rewrites.REWRITES` lists every difference between the
synthesised and the local template.
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
