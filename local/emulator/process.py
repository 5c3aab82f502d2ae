"""Run the emulator in this process, and end it with its child processes.

`local.emulator.server` starts it with a pipe as standard input. When the pipe closes, the parent
process is gone, and this process group ends.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

from ministack.app import main  # type: ignore[import-untyped]

from local.emulator.athena_queries import complete_queries
from local.emulator.closed_shards import keep_closed_shards
from local.emulator.durability import keep_what_was_answered
from local.emulator.old_metrics import drop_old_metrics_seldom
from local.emulator.request_reports import report_requests
from local.emulator.trimmed_shards import keep_places


def _end_with_parent() -> None:
    os.read(0, 1)  # the pipe stays empty, so this returns when it closes
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    pipe = int(sys.argv.pop())
    folder = Path(sys.argv.pop())
    keep_closed_shards()
    keep_places()
    complete_queries()
    drop_old_metrics_seldom()
    keep_what_was_answered(folder)
    report_requests(pipe)
    main()
