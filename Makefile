# `make run` and `make test` do all the set-up they need. `make help` lists the rest.

# Options for every cargo command, e.g. make test CARGO_FLAGS=--locked
CARGO_FLAGS ?=
# Options for agon itself, e.g. make bench ARGS="--only lambda2 --json"
ARGS ?=

# The feature rings: everything has to build and pass in each. The bare one needs no libtorch, that of the window neither.
BARE := --no-default-features
WINDOW := --no-default-features --features window
# nextest runs every test in a process of its own: global settings of libtorch in one test cannot reach another.
NEXTEST := $(shell cargo nextest --version >/dev/null 2>&1 && echo yes)
ifeq ($(NEXTEST),yes)
RUN_TESTS := cargo nextest run --no-fail-fast
else
RUN_TESTS := cargo test --no-fail-fast --lib --bins --tests --examples
endif

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup run test fmt lint unit smoke doc bench torture fuzz clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

setup: ## system packages and libtorch; looks and returns when all is there
	@scripts/setup.sh

run: setup ## open the window; where there is no display, train a team of jammers for a minute and compare it
	cargo run --release $(CARGO_FLAGS) -- $(ARGS)

test: setup fmt lint doc unit smoke ## everything that CI checks
	@echo "make test: formatting, lints, tests, documentation and the window are in order"

fmt: ## formatting, checked only
	cargo fmt --all --check

lint: setup ## clippy on every ring, warnings denied
	cargo clippy $(CARGO_FLAGS) --all-targets -- -D warnings
	cargo clippy $(CARGO_FLAGS) --all-targets $(WINDOW) -- -D warnings
	cargo clippy $(CARGO_FLAGS) --all-targets $(BARE) -- -D warnings

unit: setup ## tests and documentation examples of both rings
	$(RUN_TESTS) $(CARGO_FLAGS) $(BARE)
	$(RUN_TESTS) $(CARGO_FLAGS)
	cargo test $(CARGO_FLAGS) --doc $(BARE)
	cargo test $(CARGO_FLAGS) --doc

smoke: setup ## the window under a virtual display and a software driver: every scenario, a picture of each state in target/smoke
	@scripts/setup.sh --display
	scripts/display.sh cargo test $(CARGO_FLAGS) --test smoke -- --ignored

doc: setup ## documentation of both rings, warnings denied
	RUSTDOCFLAGS="-D warnings" cargo doc $(CARGO_FLAGS) --no-deps $(BARE)
	RUSTDOCFLAGS="-D warnings" cargo doc $(CARGO_FLAGS) --no-deps

bench: setup ## every figure of the README, with the bar it has to pass
	cargo run --release $(CARGO_FLAGS) -- bench $(ARGS)

torture: setup ## the long reliability tests: kills, faults, damaged files
	scripts/torture.sh

fuzz: setup ## every fuzz target for a few seconds
	scripts/fuzz.sh

clean: ## remove what cargo built; .libtorch and runs/ stay
	cargo clean
