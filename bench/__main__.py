"""Run the benchmarks that are named as arguments, or all of them."""

from __future__ import annotations

import sys

from rich.console import Console

from bench import auction, durable, exports, http, provisioning, settlement

BENCHMARKS = {
    "auction": auction.run,
    "durable": durable.run,
    "exports": exports.run,
    "http": http.run,
    "provisioning": provisioning.run,
    "settlement": settlement.run,
}


def main() -> int:
    """Exit code 2 for a name that there is not."""
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
