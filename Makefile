# `make run` and `make test` do all the set-up they need. `make help` lists the rest.

# Options for every cargo command, e.g. make test CARGO_FLAGS=--locked
CARGO_FLAGS ?=
# Options for agon itself, e.g. make bench ARGS="--only lambda2 --json"
ARGS ?=

# Everything has to build and pass without features and with all of them.
ALL := --all-features
# Parts of what is built that users ask for; they are linted, and tested as parts of the whole.
PARTS := window video,parquet,sqlite peers
# nextest runs every test in a process of its own: global settings of libtorch in one test cannot reach another.
NEXTEST := $(shell cargo nextest --version >/dev/null 2>&1 && echo yes)
ifeq ($(NEXTEST),yes)
RUN_TESTS := cargo nextest run --no-fail-fast
else
RUN_TESTS := cargo test --no-fail-fast --lib --bins --tests --examples
endif
# Where the tools of `make lint` are.
TOOLS := $(or $(AGON_TOOLS_DIR),.tools)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run setup test fmt lint unit smoke doc bench torture fuzz clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

ifneq ($(DISPLAY)$(WAYLAND_DISPLAY),)
run: ## open the window; where there is no display, train a team of jammers for a minute and compare it
	@scripts/setup.sh --video
	@echo "make run: building agon with its window; the first time that takes long, later ones are quick"
	cargo run --release $(CARGO_FLAGS) --features window,video -- $(ARGS)
else
run:
	@scripts/setup.sh
	@echo "make run: there is no display. Building agon for the terminal; the first time that takes about 7 minutes of CPU time"
	cargo run --release $(CARGO_FLAGS) -- $(or $(ARGS),quickstart)
endif

setup: ## all that the tests need: compilers, strace, libtorch, a virtual display, tools; looks and returns when all is there
	@scripts/setup.sh --torch --tests --display --lint

test: setup fmt lint doc unit smoke ## everything that CI checks
	@echo "make test: formatting, lints, tests, documentation and the window are in order"

fmt: ## formatting, checked only
	cargo fmt --all --check

lint: ## clippy with and without features and on the plugin, dependencies, licences, spelling, links
	@scripts/setup.sh --torch --lint
	cargo clippy $(CARGO_FLAGS) --all-targets $(ALL) -- -D warnings
	for part in $(PARTS); do cargo clippy $(CARGO_FLAGS) --features $$part -- -D warnings || exit 1; done
	cargo clippy $(CARGO_FLAGS) --all-targets -- -D warnings
	cargo clippy $(CARGO_FLAGS) --all-targets --package agon-torch -- -D warnings
	TOOLS=$(TOOLS) scripts/lint.sh

# The plugin's tests are built together with those of agon without features: alone, they would have dependencies compiled a third time.
unit: ## tests without features and with all of them, of the plugin for libtorch, documentation examples
	@scripts/setup.sh --torch --tests
	$(RUN_TESTS) $(CARGO_FLAGS) --workspace
	$(RUN_TESTS) $(CARGO_FLAGS) $(ALL)
	cargo test $(CARGO_FLAGS) --doc $(ALL)

smoke: ## the window under a virtual display and a software driver: every scenario, a picture of each state in target/smoke
	@scripts/setup.sh --video --display
	scripts/display.sh cargo test $(CARGO_FLAGS) $(ALL) --test smoke -- --ignored

doc: ## documentation, warnings denied
	@scripts/setup.sh --video
	RUSTDOCFLAGS="-D warnings" cargo doc $(CARGO_FLAGS) --no-deps $(ALL)

bench: ## every figure of docs/speed.md, with the bar it has to pass
	cargo run --release $(CARGO_FLAGS) -- bench $(ARGS)

torture: ## the long reliability tests and the fuzzers: kills, faults, damaged and hostile files
	@scripts/setup.sh --video --tests
	scripts/torture.sh

fuzz: ## the fuzzers alone, a few seconds each
	@scripts/setup.sh --video
	scripts/fuzz.sh

clean: ## remove what cargo built; .libtorch, .tools and runs/ stay
	cargo clean
