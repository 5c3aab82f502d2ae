"""``python -m local FOLDER APP``: run the local stack; `local.up()` starts it in the background.

Started by hand, it stops with Ctrl-C or Enter.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from local.daemon import run
from local.state_file import Folder

parser = argparse.ArgumentParser(prog="python -m local", description="Run the local stack.")
parser.add_argument("folder", type=Path, help="folder for state, log and checkpoints: .stresswatch")
parser.add_argument("app", type=Path, help="the synthesised app: cdk.out")
parser.add_argument("--port", type=int, help="port of the endpoint; a free one by default")
parser.add_argument("--tracking-uri", help="MLflow tracking address for training jobs")
arguments = parser.parse_args()
sys.exit(run(Folder(arguments.folder), arguments.app, arguments.port, arguments.tracking_uri))
