#!/usr/bin/env bash
# Runs a command under a virtual display of 1280x720 with the software Vulkan driver, as `make smoke` does.
#
#   scripts/display.sh COMMAND [ARG]...
set -euo pipefail
[ $# -gt 0 ] || { sed -n '2,4{s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 2; }

# The server finds a free number for its display and writes it to this file.
number=$(mktemp)
Xvfb -displayfd 4 -screen 0 1280x720x24 -nolisten tcp 4>"$number" 2>/dev/null &
server=$!
trap 'kill "$server" 2>/dev/null || true; rm -f "$number"' EXIT
for _ in $(seq 100); do
    if [ -s "$number" ]; then break; fi
    kill -0 "$server" 2>/dev/null || { echo "display: Xvfb did not start; run scripts/setup.sh --display" >&2; exit 1; }
    sleep 0.1
done
DISPLAY=:$(cat "$number")
export DISPLAY XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-$(dirname "$number")}
driver=$(find /usr/share/vulkan/icd.d -name 'lvp_icd*.json' 2>/dev/null | head -n 1)
if [ -n "$driver" ]; then export VK_DRIVER_FILES=$driver; fi
"$@"
