#!/usr/bin/env bash
# Puts in place what cargo alone does not bring. Safe to run as often as you like: when all is there it only looks.
#
#   scripts/setup.sh            a C compiler: enough to build and test without features
#   scripts/setup.sh --video    a C++ compiler, for the feature video
#   scripts/setup.sh --torch    a C++ compiler, and libtorch for the plugin agon-torch: 530 MB out of PyPI's wheels,
#                               into .libtorch/
#   scripts/setup.sh --tests    strace, which the crash tests drive
#   scripts/setup.sh --display  a virtual display and a software graphics driver, for machines without either
#   scripts/setup.sh --lint     cargo-deny, cargo-machete and typos, into .tools/
#
#   LIBTORCH=DIR                use the libtorch 2.13.0 you already have; nothing is downloaded
#   AGON_LIBTORCH_DIR=DIR       put ours there instead of .libtorch (export LIBTORCH=DIR for cargo then)
#   AGON_TOOLS_DIR=DIR          put the tools there instead of .tools
set -euo pipefail

readonly torch_version=2.13.0
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly root
readonly libtorch_dir=${AGON_LIBTORCH_DIR:-$root/.libtorch}
readonly tools_dir=${AGON_TOOLS_DIR:-$root/.tools}
readonly staging=$libtorch_dir.tmp
readonly retired=$libtorch_dir.old

# The wheels of the release that tch 0.26 binds to, and of the two CUDA 13.0 libraries that its libtorch_cpu.so asks the
# loader for even where there is no GPU. The hashes are PyPI's own; pip refuses anything else.
readonly wheels="\
torch==$torch_version --hash=sha256:60fcdcb2f3876e21146cb4524ef06397d727ca9ad5f020818547e25075fe3cb7
nvidia-cuda-runtime==13.0.96 --hash=sha256:7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548
nvidia-cuda-cupti==13.0.85 --hash=sha256:4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8"

# Size in bytes and path inside the wheel of each library that is kept. Sizes tell a whole library from a torn one in a
# millisecond; the contents were checked against the hashes above when they were unpacked.
readonly libraries="\
1623185 torch/lib/libc10.so
438418417 torch/lib/libtorch_cpu.so
254009 torch/lib/libgomp.so.1
704288 nvidia/cu13/lib/libcudart.so.13
4152208 nvidia/cu13/lib/libcupti.so.13"

# Two copies of the torch wheel while pip works, then one beside the unpacked files.
readonly needed_mb=1300

main() {
    [ $# -gt 0 ] || set -- --build
    local part
    for part in "$@"; do
        case $part in
            --build) compilers cc ;;
            --video) compilers cc c++ ;;
            --torch) compilers cc c++ && libtorch ;;
            --tests) compilers cc && strace_if_possible ;;
            --display) display ;;
            --lint) lint_tools ;;
            -h | --help) sed -n '2,14{s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}" ;;
            *) fail "unknown argument '$part'" "Try: scripts/setup.sh --help" ;;
        esac
    done
}

say() { printf 'setup: %s\n' "$*"; }
warn() { printf 'setup: warning: %s\n' "$*" >&2; }

# fail WHAT [WHAT TO DO]...
fail() {
    printf 'setup: error: %s\n' "$1" >&2
    shift
    if [ $# -gt 0 ]; then printf '       %s\n' "$@" >&2; fi
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# --- system packages ---------------------------------------------------------------------------------------------------

# compilers COMMAND...: cargo, and the compilers it will call.
compilers() {
    have cargo || fail "cargo is not on PATH" "Install Rust 1.95 or newer, then run this again."
    local command needed=()
    for command in "$@"; do have "$command" || needed+=("$command"); done
    if [ ${#needed[@]} -eq 0 ]; then return; fi
    # The C library's headers come with g++ by way of libstdc++, but not with gcc alone.
    local packages=(gcc libc6-dev)
    if [[ " ${needed[*]} " == *" c++ "* ]]; then packages=(g++); fi
    apt_install "${packages[@]}" || fail "a compiler is needed: ${needed[*]}" "Install it and run this again: $(by_hand "${packages[*]}")"
}

strace_if_possible() {
    if have strace || apt_install strace; then return; fi
    warn "strace could not be installed; the tests that need it say so and are skipped. Later: $(by_hand strace)"
}

# What the window needs of a desktop, for a machine without one: an X server that draws into memory, a Vulkan driver that
# draws on the processor, and the libraries that talk to both. They are loaded when the window opens, not when it is built.
display() {
    local package needed=()
    for package in xvfb mesa-vulkan-drivers libvulkan1 libx11-6 libx11-xcb1 libxcursor1 libxi6 libxrandr2 libxkbcommon-x11-0; do
        if ! dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed'; then needed+=("$package"); fi
    done
    if [ ${#needed[@]} -eq 0 ]; then say "the virtual display is there"; return; fi
    apt_install "${needed[@]}" || fail "the window cannot be tried without a display" "Install this and run it again: $(by_hand "${needed[*]}")"
}

by_hand() { echo "sudo apt-get install --no-install-recommends $*"; }

# apt_install PACKAGE...: false, with the reason on stderr, where that is not possible.
apt_install() {
    if ! have apt-get; then
        warn "no apt-get on this system to install: $*"
        return 1
    fi
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        if ! have sudo; then
            warn "not root and no sudo, cannot install: $*"
            return 1
        fi
        as_root=(sudo)
        # Without a terminal nobody can type a password: fail at once instead of waiting for one.
        if [ ! -t 0 ]; then as_root+=(-n); fi
    fi
    say "installing $* (apt-get)"
    local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive DEBCONF_NOWARNINGS=yes
        apt-get -q -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0)
    # A failed update is not the end: the lists that are there may do, and a broken third-party source is not ours to judge.
    "${apt[@]}" update >/dev/null || warn "apt-get update failed; trying with the package lists that are there"
    if ! "${apt[@]}" install -y --no-install-recommends "$@" </dev/null >/dev/null; then
        warn "apt-get could not install: $*"
        return 1
    fi
}

# --- tools of make lint ---------------------------------------------------------------------------------------------------

lint_tools() {
    compilers cc
    cargo_tool cargo-deny 0.20.2
    cargo_tool cargo-machete 0.9.2
    if [ -x "$tools_dir/python/bin/typos" ]; then return; fi
    find_pip
    say "installing typos into ${tools_dir#"$root"/}"
    python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$tools_dir/python" typos==1.52.0 </dev/null ||
        fail "pip could not install typos (its reason is above)"
}

# cargo_tool NAME VERSION: not optimised, for they are built more often than they run.
cargo_tool() {
    if [ -x "$tools_dir/bin/$1" ]; then return; fi
    say "building $1 $2 into ${tools_dir#"$root"/}, once; a few minutes"
    CARGO_TARGET_DIR=$tools_dir/target cargo install --quiet --locked --debug --root "$tools_dir" "$1@$2" ||
        fail "cargo could not install $1 (its reason is above)"
    rm -rf "$tools_dir/target"
}

# --- libtorch ------------------------------------------------------------------------------------------------------------

libtorch() {
    if [ -n "${LIBTORCH_USE_PYTORCH-}" ]; then
        say "LIBTORCH_USE_PYTORCH is set: cargo will link the torch of your Python, nothing is downloaded"
        return
    fi
    if [ -n "${LIBTORCH-}" ] && ! [ "$LIBTORCH" -ef "$libtorch_dir" ] && [ "$LIBTORCH" != "$libtorch_dir" ]; then
        use_of_the_user
        return
    fi
    if is_complete "$libtorch_dir"; then
        say "libtorch $torch_version is in ${libtorch_dir#"$root"/}"
        return
    fi
    can_hold_libtorch
    mkdir -p "$(dirname "$libtorch_dir")"
    # One at a time; whoever waited finds the work done.
    exec 9<"$(dirname "$libtorch_dir")"
    flock 9
    if is_complete "$libtorch_dir"; then return; fi
    install_libtorch
}

use_of_the_user() {
    [ -e "$LIBTORCH/lib/libtorch_cpu.so" ] || fail \
        "LIBTORCH is set to $LIBTORCH, but there is no lib/libtorch_cpu.so in it" \
        "Point LIBTORCH at a libtorch $torch_version, or unset it to let this script put one into .libtorch."
    local found
    found=$(version_of "$LIBTORCH")
    if [ -n "$found" ] && [ "$found" != "$torch_version" ]; then
        fail "the libtorch in $LIBTORCH (from LIBTORCH) is $found, and tch 0.26 binds to $torch_version" \
            "Point LIBTORCH at a $torch_version, or unset it to let this script put one into .libtorch."
    fi
    [ -n "$found" ] || warn "cannot tell the version of the libtorch in $LIBTORCH; $torch_version is needed"
    say "using the libtorch in $LIBTORCH (from LIBTORCH)"
}

# version_of DIR: "2.13.0", without a suffix like +cpu; empty where neither the version file nor the headers tell.
version_of() {
    local version="" header
    if [ -r "$1/build-version" ]; then
        version=$(head -n 1 "$1/build-version")
    else
        # The newer place of the numbers, then the older one.
        for header in torch/headeronly/version.h torch/csrc/api/include/torch/version.h; do
            if [ -z "$version" ] && [ -r "$1/include/$header" ]; then
                version=$(awk '/^#define TORCH_VERSION_(MAJOR|MINOR|PATCH) / { printf "%s%s", dot, $3; dot = "." }' "$1/include/$header")
            fi
        done
    fi
    version=${version%%+*}
    echo "${version//[[:space:]]/}"
}

is_complete() {
    [ "$(version_of "$1")" = "$torch_version" ] && [ -e "$1/lib/libtorch.so" ] \
        && [ -e "$1/include/torch/csrc/api/include/torch/torch.h" ] || return 1
    local size path
    while read -r size path; do
        [ "$(stat -L -c %s "$1/lib/${path##*/}" 2>/dev/null)" = "$size" ] || return 1
    done <<<"$libraries"
}

can_hold_libtorch() {
    local otherwise="Set LIBTORCH to a libtorch $torch_version built for it, or do without the plugin agon-torch"
    local machine glibc available_mb existing
    machine="$(uname -s) $(uname -m)"
    [ "$machine" = "Linux x86_64" ] || fail "the prebuilt libtorch is for Linux x86_64, this is $machine" "$otherwise"
    glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null || true)
    glibc=${glibc#glibc }
    if [ -z "$glibc" ] || [ "$(printf '2.28\n%s\n' "$glibc" | sort -V | head -n 1)" != 2.28 ]; then
        fail "the prebuilt libtorch needs glibc 2.28 or newer, this system has ${glibc:-another C library}" "$otherwise"
    fi
    existing=$libtorch_dir
    until [ -d "$existing" ]; do existing=$(dirname "$existing"); done
    available_mb=$(df -Pm "$existing" | awk 'NR == 2 { print $4 }')
    [ "$available_mb" -ge "$needed_mb" ] || fail \
        "unpacking libtorch takes $needed_mb MB for a moment and 490 MB afterwards; $existing has $available_mb MB free" \
        "Free some space, or choose another place: AGON_LIBTORCH_DIR=DIR scripts/setup.sh, then export LIBTORCH=DIR."
}

# Everything happens in a folder beside the final one, which appears by a rename when it is whole: a run that was cut off
# leaves nothing that looks finished.
install_libtorch() {
    find_pip
    rm -rf "$staging" "$retired"
    trap 'rm -rf "$staging"' EXIT
    mkdir -p "$staging/download"
    download_wheels "$staging/download"
    say "unpacking into ${libtorch_dir#"$root"/}"
    unpack_wheels "$staging/download" "$staging"
    rm -rf "$staging/download"
    is_complete "$staging" || fail "the unpacked libtorch is not what was expected" "Run this again; if it stays so, set LIBTORCH."
    if [ -e "$libtorch_dir" ] || [ -L "$libtorch_dir" ]; then mv -T "$libtorch_dir" "$retired"; fi
    mv -T "$staging" "$libtorch_dir"
    rm -rf "$retired"
    trap - EXIT
    say "libtorch $torch_version is in ${libtorch_dir#"$root"/} ($(du -sm "$libtorch_dir" | cut -f 1) MB)"
}

find_pip() {
    local needed=()
    have python3 || needed+=(python3)
    python3 -m pip --version >/dev/null 2>&1 || needed+=(python3-pip)
    if [ ${#needed[@]} -eq 0 ] || apt_install "${needed[@]}"; then return; fi
    fail "python3 with pip is needed once, to fetch libtorch" \
        "Install it and run this again: $(by_hand "${needed[@]}")" "Or set LIBTORCH to a libtorch $torch_version that you have."
}

# The wheels are only unpacked, never installed, so the tags name the wheel that is wanted and not this machine's Python.
download_wheels() {
    say "downloading libtorch $torch_version (530 MB, kept only until it is unpacked)"
    printf '%s\n' "$wheels" >"$1/requirements.txt"
    mkdir "$1/tmp"
    # pip's temporary copies go where the disk was measured; its cache would keep half a gigabyte for nobody.
    TMPDIR=$1/tmp python3 -m pip download --disable-pip-version-check --no-cache-dir --no-deps --require-hashes \
        --only-binary=:all: --implementation cp --python-version 311 --abi cp311 --abi none \
        --platform manylinux_2_28_x86_64 --platform manylinux_2_25_x86_64 --platform manylinux2014_x86_64 \
        --dest "$1" --requirement "$1/requirements.txt" </dev/null || fail \
        "pip could not fetch the wheels of libtorch (its reason is above)" \
        "Check that pip reaches its package index (python3 -m pip config list shows which), then run this again." \
        "Or set LIBTORCH to a libtorch $torch_version that you have, or do without the plugin agon-torch"
}

# unpack_wheels DOWNLOADS DIR: zipfile checks the CRC of every member; the version goes last, as the mark of a whole folder.
unpack_wheels() {
    python3 - "$1" "$2" "$torch_version" "$libraries" <<'PYTHON' || fail "could not unpack libtorch (the reason is above)"
import os, pathlib, shutil, sys, zipfile

downloads, target, version, libraries = sys.argv[1:]
target = pathlib.Path(target)
libraries = {line.split()[1] for line in libraries.splitlines()}
headers = "torch/include/"


def destination(member):
    if member in libraries:
        return target / "lib" / member.rsplit("/", 1)[1]
    if member.startswith(headers) and not member.endswith("/"):
        return target / "include" / member[len(headers):]
    return None


for wheel in sorted(pathlib.Path(downloads).glob("*.whl")):
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.namelist():
            path = destination(member)
            if path is None:
                continue
            if ".." in path.parts:
                sys.exit(f"{wheel.name}: member {member} points outside")
            path.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as source, open(path, "wb") as copy:
                shutil.copyfileobj(source, copy, 1 << 20)
                if member in libraries:
                    copy.flush()
                    os.fsync(copy.fileno())

os.symlink("libtorch_cpu.so", target / "lib" / "libtorch.so")
(target / "build-version").write_text(version + "\n")
PYTHON
}

main "$@"
