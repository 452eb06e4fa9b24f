#!/usr/bin/env bash
# The reliability tests that take minutes, and the fuzzer: scripts/torture.sh [random kills] [seconds per fuzz target]
#
# Runs every test that is marked `#[ignore = "make torture"]`: a process that writes a log, checkpoints and a small file is
# killed at random moments (2000 times unless told otherwise); runs are stopped, killed and cut off at many places and
# compared with those that nothing happened to; every prefix of a recording is played, and the recording with each of its bits
# flipped; every scenario is cut into worlds and threads in every way for twenty seeds. Then `agon decide` gets a line of
# 300 MB and a million good ones, every seed of the fuzzer is mutated blindly, and scripts/fuzz.sh feeds every reader
# (20 seconds each unless told otherwise).
set -euo pipefail
cd "$(dirname "$0")/.."

kills=${1:-2000}
seconds=${2:-20}

# The crate and the path within it of each marked test, one per line. A new one joins by its mark.
marked() {
    awk 'index($0, "#[ignore = \"make torture\"]") { is_marked = 1 }
         is_marked && match($0, /fn [a-z0-9_]+/) {
             split(FILENAME, folders, "/")
             module = folders[3]
             sub(/\.rs$/, "", module)
             print folders[2], (module == "main" ? "" : module "::") substr($0, RSTART + 3, RLENGTH - 3)
             is_marked = 0
         }' tests/*/*.rs
}

# The bare ring builds and starts fastest, and what is tested here is the same in all of them.
run() { # crate, arguments of the test program
    echo "torture: $*"
    local crate=$1
    shift
    # shellcheck disable=SC2086 # several flags in one variable
    cargo test ${CARGO_FLAGS:-} --quiet --no-default-features --test "$crate" -- "$@"
}

export AGON_KILLS=$kills
for crate in $(marked | cut -d ' ' -f 1 | sort -u); do
    mapfile -t tests < <(marked | sed -n "s/^$crate //p")
    run "$crate" --ignored --exact --nocapture "${tests[@]}"
done
AGON_ENDLESS_MB=300 AGON_LINES=1000000 run cli --exact \
    decide::an_endless_line_costs_no_memory \
    decide::a_hundred_thousand_lines_from_a_file_have_as_many_answers_in_order
AGON_MUTATIONS=3000 run fuzz_seeds --exact what_mutation_makes_of_seeds_breaks_no_target
scripts/fuzz.sh "$seconds"
