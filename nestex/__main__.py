"""`python -m nestex`: the command line."""

from __future__ import annotations

from nestex.cli import main

if __name__ == "__main__":
    main()
