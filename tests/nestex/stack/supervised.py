"""A stack in a process of its own, for tests that kill it: `python -m tests.nestex.stack.supervised FOLDER`.

Writes one line of JSON once all is ready (`database_url`, `nats_url`, and `pids` of its children), then runs until it
is told to stop.
"""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path

from common.clock import SystemClock
from nestex.stack.stack import running_stack

CHILDREN = ("postgres", "nats")


def main() -> None:
    with suppress(KeyboardInterrupt), running_stack(Path(sys.argv[1]), SystemClock(), {}, durable=False) as stack:
        pids = [stack.supervisor.pid(name) for name in CHILDREN]
        told = {"database_url": stack.database_url, "nats_url": stack.nats_url, "pids": pids}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
        stack.supervisor.run()


if __name__ == "__main__":
    main()
