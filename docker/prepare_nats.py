"""The keys and the configuration of a deployment's nats-server, made once: the compose file's `authority` job.

    prepare_nats.py NATS SERVERS MARKET

NATS gets the roots of trust and nats.conf, SERVERS the credentials of market, engine and worker, MARKET the key that
admits agents. Folders apart, so that each process sees only its own. Roots that exist already are kept.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from common.clock import SystemClock
from common.private_files import write_private
from runtime.agent_access import AGENTS, SERVER_CREDENTIALS, Authority


def main(nats: Path, servers: Path, market: Path) -> None:
    """Fill the three folders."""
    if not Authority.exists(nats):
        Authority.create(SystemClock().wall_micros() // 1_000_000).save(nats)
    authority = Authority.load(nats)
    write_private(nats / "nats.conf", json.dumps(_configuration(authority), indent=2))
    write_private(servers / SERVER_CREDENTIALS, (nats / SERVER_CREDENTIALS).read_text())
    write_private(market / AGENTS, (nats / AGENTS).read_text())


def _configuration(authority: Authority) -> dict[str, object]:
    """JSON, which nats-server reads as its own. Relative folders are below its working directory, the volume."""
    return {
        "server_name": "nestex",
        "port": 4222,
        "http": "127.0.0.1:8222",
        "jetstream": {"store_dir": "jetstream", "sync_interval": "always"},
        "operator": authority.operator_jwt(),
        "system_account": authority.system_account,
        "resolver": {"type": "full", "dir": "accounts", "allow_delete": False, "interval": "2m"},
        "resolver_preload": {
            authority.system_account: authority.system_jwt(),
            authority.account: authority.account_jwt(),
        },
    }


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
