#!/usr/bin/env bash
# The pinned hashes of tests/determinism/golden.rs under other ways to build and run: scripts/golden.sh [variant ...]
#
# Variants are the names in the table below; without arguments, all of them. Each is built from nothing, which takes some
# minutes, and runs twice: as this machine is, and with the C library kept from the instructions of newer CPUs.
set -euo pipefail
cd "$(dirname "$0")/.."

# name | optimisation level | link-time optimisation | compiler flags
variants='
opt0   | 0 | off   |
opt1   | 1 | off   |
opt3   | 3 | off   |
lto    | 3 | "fat" |
native | 2 | off   | -C target-cpu=native
avx2   | 2 | off   | -C target-cpu=x86-64-v3
'
older_cpu=glibc.cpu.hwcaps=-FMA,-AVX2,-AVX512F,-ERMS
folder=${CARGO_TARGET_DIR:-target}/golden
trap 'rm -rf "$folder"' EXIT

field() { cut -d '|' -f "$2" <<<"$1" | xargs; }

run() { # optimisation level, link-time optimisation, compiler flags, tunables of the C library
    CARGO_TARGET_DIR=$folder CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=none CARGO_PROFILE_DEV_OPT_LEVEL=$1 \
        CARGO_PROFILE_DEV_LTO=$2 RUSTFLAGS=$3 GLIBC_TUNABLES=$4 \
        cargo test ${CARGO_FLAGS:-} --quiet --no-default-features --test determinism -- golden::
}

known=$(cut -d '|' -f 1 <<<"$variants" | xargs)
for wanted in "${@:-$known}"; do
    for name in $wanted; do
        row=$(grep -E "^$name +\|" <<<"$variants") || { echo "golden: unknown variant $name; there are: $known" >&2; exit 2; }
        flags=$(field "$row" 4)
        for tunables in "" "$older_cpu"; do
            echo "golden: $name${tunables:+, $tunables}"
            run "$(field "$row" 2)" "$(field "$row" 3)" "$flags" "$tunables"
        done
        rm -rf "$folder"
    done
done
echo "golden: every variant comes to the pinned hashes"
