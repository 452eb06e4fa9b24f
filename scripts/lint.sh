#!/usr/bin/env bash
# What `make lint` checks beside clippy: licences, sources and duplicates of dependencies, dependencies that nothing uses,
# spelling, and links within the repository. scripts/setup.sh --lint brings the tools.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tools=${TOOLS:-.tools}

echo "lint: licences, sources and duplicates of dependencies"
"$tools/bin/cargo-deny" --log-level error --workspace --all-features check bans licenses sources
# Advisories come from a database on the network; where it cannot be had, that is said and is no failure.
if ! "$tools/bin/cargo-deny" --log-level error --workspace --all-features fetch db 2>/dev/null; then
    echo "lint: SKIPPED: the database of advisories cannot be reached"
else
    "$tools/bin/cargo-deny" --log-level error --workspace --all-features check advisories
fi

echo "lint: dependencies that nothing uses"
"$tools/bin/cargo-machete"

echo "lint: spelling"
"$tools/python/bin/typos"

echo "lint: links within the repository"
python3 scripts/links.py
