"""The composition root: command line, embedded stack, demo, and the checks that join all packages."""
