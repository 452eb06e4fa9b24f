#!/usr/bin/env bash
# The reliability tests that take minutes: scripts/torture.sh [random kills]
#
# Kills a process that writes a log, checkpoints and a small file at random moments (2000 times unless told otherwise)
# and checks each time that nothing it promised is lost; plays every prefix of a recording, and the recording with each of its
# bits flipped; sends `agon decide` a line of 300 MB and a million good ones.
set -euo pipefail
cd "$(dirname "$0")/.."

# Storage is the same in both feature rings; the bare one starts faster, so that more kills fall into a minute.
AGON_KILLS=${1:-2000} cargo test --no-default-features --test reliability -- --ignored --exact \
    kills::a_kill_at_any_moment_loses_nothing
cargo test --no-default-features --test recordings -- --ignored --exact --nocapture \
    damage::no_prefix_and_no_flipped_bit_is_played_as_something_else
AGON_ENDLESS_MB=300 AGON_LINES=1000000 cargo test --no-default-features --test cli -- --exact \
    decide::an_endless_line_costs_no_memory \
    decide::a_hundred_thousand_lines_from_a_file_have_as_many_answers_in_order
