# Every target makes the environment ready first (scripts/install); that is a no-op when nothing has changed.
# ARGS are handed on: `make demo ARGS="--keep"`, `make test ARGS="tests/matching -x"`.

.POSIX:
.SUFFIXES:

BIN = .venv/bin
ARGS =

.PHONY: help install guests demo up test check format bench lock clean

help: ## List these targets
	@sed -n 's/^\([a-z]*\):.*## /\1 /p' Makefile | while read -r target text; do \
		printf '  make %-9s %s\n' "$$target" "$$text"; done

install: ## Make .venv ready, with the system packages that it needs
	@sh scripts/install

guests: install ## Install what real guests need: QEMU, and libvirt's driver for it
	@sh scripts/guests

demo: install ## The whole story on real servers, from the first order to the invoices
	@$(BIN)/nestex demo $(ARGS)

up: install ## The same servers at normal speed, kept running
	@$(BIN)/nestex up $(ARGS)

test: guests ## Every test, on real servers and with real guests
	@$(BIN)/pytest -n auto $(ARGS)

check: install ## Lint, format, types and the import law
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

format: install ## Format the code, and repair what the linter can repair
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: install ## Measure; see bench/
	@$(BIN)/python -m bench $(ARGS)

lock: ## Resolve requirements.lock anew from pyproject.toml (needs uv)
	@sh scripts/lock $(ARGS)

clean: ## Remove the environment, caches and the demo's results; not nestex-data
	rm -rf .venv .mypy_cache .ruff_cache .import_linter_cache .hypothesis .pytest_cache .bench_cache demo-out dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
