#!/usr/bin/env bash
# Feeds every reader of files with mutated ones: scripts/fuzz.sh [seconds per target] [target ...]
#
# Works on the stable compiler and needs g++ but no cargo-fuzz: these are the flags that cargo-fuzz would set. What
# crashes a target is kept in fuzz/artifacts/<target>/; to keep it as a test, move it to fuzz/seeds/<target>/, which
# `cargo test` reads as well. What the fuzzer has found worth keeping stays in the build folder for the next time.
set -euo pipefail
cd "$(dirname "$0")/../fuzz"

seconds=${1:-20}
targets=("${@:2}")
if [ ${#targets[@]} -eq 0 ]; then
    mapfile -t targets < <(ls seeds)
fi

if ! command -v g++ >/dev/null; then
    [ "${CI:-}" = true ] && { echo "CI=true needs g++ (apt-get install g++)" >&2; exit 1; }
    echo "SKIPPED: needs g++ (apt-get install g++): fuzzing" >&2
    exit 0
fi

flags=(
    -Cpasses=sancov-module
    -Cllvm-args=-sanitizer-coverage-level=4
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
    -Cllvm-args=-sanitizer-coverage-pc-table
    -Cllvm-args=-sanitizer-coverage-trace-compares
    # Lets the fuzzer see allocations as well; the compiler calls it unstable.
    -Zsanitizer=address
    --cfg fuzzing
)
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}
# Naming the triple keeps the flags away from build scripts.
triple=x86_64-unknown-linux-gnu
# shellcheck disable=SC2086 # several flags in one variable
RUSTC_BOOTSTRAP=1 RUSTFLAGS="${flags[*]}" cargo build ${CARGO_FLAGS:-} --release --target $triple

# Targets that need folders make them below TMPDIR; the fuzzer ends without removing them.
TMPDIR=$(mktemp -d)
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT

failed=()
for target in "${targets[@]}"; do
    corpus="$CARGO_TARGET_DIR/corpus/$target"
    mkdir -p "$corpus" "artifacts/$target"
    echo "== $target, $seconds s"
    AGON_FUZZ_TARGET=$target "$CARGO_TARGET_DIR/$triple/release/fuzzer" "$corpus" "seeds/$target" \
        -artifact_prefix="artifacts/$target/" -max_total_time="$seconds" -max_len=65536 -timeout=5 -malloc_limit_mb=256 \
        -rss_limit_mb=1024 -print_final_stats=1 -print_funcs=0 -verbosity=0 2>&1 | { grep -Ev '^("|######)' || true; } \
        || failed+=("$target")
done
if [ ${#failed[@]} -gt 0 ]; then
    echo "fuzz: broken: ${failed[*]}; the inputs are in fuzz/artifacts/" >&2
    exit 1
fi
