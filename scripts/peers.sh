#!/usr/bin/env bash
# Compares agon with VMAS and BenchMARL on this machine: scripts/peers.sh [env|train|learn ...]
#
#   env     steps of simple_spread through actions, beside VMAS          minutes
#   train   steps of whole training iterations, beside BenchMARL         10 minutes
#   learn   what both learn in simple_spread of mpe2, and how fast       an hour and more; goes on where it stopped
#
# Without a part, all of them. Needs Python 3.11 or newer, `cargo build --release`, and the first time several GB from PyPI.
#
#   PEERS_DIR=DIR     where the Python environment is (.peers)
#   PEERS_OUT=DIR     where everything measured is kept (runs/peers)
#   PEERS_CORE=N      the core to run on (the first)
#   PEERS_SEEDS=N     training seeds of `learn` (5)
#   PEERS_TURNS=N     turns of `env` and `train` (5)
#   AGON=PROGRAM      the agon to measure (target/release/agon)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly dir=${PEERS_DIR:-.peers}
readonly agon=${AGON:-target/release/agon}
readonly wanted=scripts/peers/requirements.txt

fail() {
    printf 'peers: %s\n' "$@" >&2
    exit 1
}

case ${1:-} in -h | --help) sed -n '2,17{s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}" && exit ;; esac
[ -x "$agon" ] || fail "there is no $agon" "Try: cargo build --release"

if ! cmp -s "$wanted" "$dir/requirements.txt"; then
    python3 -m venv "$dir" || fail "no Python environment could be made in $dir" "Try: python3 -m venv --help"
    "$dir/bin/pip" install --quiet --requirement "$wanted" || fail "packages of $wanted could not be installed"
    cp "$wanted" "$dir/requirements.txt"
fi
AGON=$agon exec "$dir/bin/python" scripts/peers/peers.py "$@"
