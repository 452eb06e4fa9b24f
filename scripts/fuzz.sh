#!/usr/bin/env bash
# Feeds every reader of files with mutated ones: scripts/fuzz.sh [seconds per target] [target ...]
#
# Works on the stable compiler and needs g++ but no cargo-fuzz: these are the flags that cargo-fuzz would set. What
# crashes a target is kept in fuzz/artifacts/<target>/; to keep it as a test, move it to fuzz/seeds/<target>/.
set -euo pipefail
cd "$(dirname "$0")/../fuzz"

seconds=${1:-20}
targets=("${@:2}")
if [ ${#targets[@]} -eq 0 ]; then
    mapfile -t targets < <(sed -n 's|^path = "fuzz_targets/\(.*\)\.rs"|\1|p' Cargo.toml)
fi

if ! command -v g++ >/dev/null; then
    echo "SKIPPED: the fuzzer needs g++" >&2
    exit 0
fi

flags=(
    -Cpasses=sancov-module
    -Cllvm-args=-sanitizer-coverage-level=4
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
    -Cllvm-args=-sanitizer-coverage-pc-table
    -Cllvm-args=-sanitizer-coverage-trace-compares
    -Ccodegen-units=1
    # Lets the fuzzer see allocations as well; the compiler calls it unstable.
    -Zsanitizer=address
    --cfg fuzzing
)
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}
# Naming the triple keeps the flags away from build scripts.
triple=x86_64-unknown-linux-gnu
RUSTC_BOOTSTRAP=1 RUSTFLAGS="${flags[*]}" cargo build --release --target $triple "${targets[@]/#/--bin=}"

for target in "${targets[@]}"; do
    corpus="$CARGO_TARGET_DIR/corpus/$target"
    mkdir -p "$corpus" "artifacts/$target"
    echo "== $target, $seconds s"
    "$CARGO_TARGET_DIR/$triple/release/$target" "$corpus" "seeds/$target" -artifact_prefix="artifacts/$target/" \
        -max_total_time="$seconds" -max_len=65536 -timeout=5 -malloc_limit_mb=256 -rss_limit_mb=1024 \
        -print_final_stats=1 -print_funcs=0 -verbosity=0 2>&1 | grep -Ev '^("|######)'
done
