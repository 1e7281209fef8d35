"""Run the benchmarks that are named as arguments, or all of them; or `week`, with options of its own."""

from __future__ import annotations

import sys

from rich.console import Console

from bench import auction, durable, exports, guests, http, invoices, provisioning, settlement
from bench.week import run as week

BENCHMARKS = {
    "auction": auction.run,
    "durable": durable.run,
    "exports": exports.run,
    "guests": guests.run,
    "http": http.run,
    "invoices": invoices.run,
    "provisioning": provisioning.run,
    "settlement": settlement.run,
}


def main() -> int:
    """Exit code 2 for a name that there is not."""
    if sys.argv[1:2] == ["week"]:
        return week.main(sys.argv[2:])
    names = sys.argv[1:] or list(BENCHMARKS)
    if unknown := set(names) - BENCHMARKS.keys():
        sys.stderr.write(f"no benchmark {min(unknown)}; there are: {', '.join(BENCHMARKS)}\n")
        return 2
    console = Console(highlight=False)
    for name in names:
        console.print(f"[bold]{name}[/bold]")
        for line in BENCHMARKS[name]():
            console.print(f"  {line}", soft_wrap=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
