#!/usr/bin/env bash
# Sets up a Debian 12 or Ubuntu 22.04/24.04 machine for moewire: system packages, a virtual environment, the texts.
# Idempotent: a second call takes a second or two.
#
#   MOEWIRE_TORCH_DIR   folder of an existing torch (holds include/ and lib/libtorch_cpu.so): none is installed then
#   MOEWIRE_NO_APT=1    never install system packages: stop and say what is missing
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(
    build-essential cmake ninja-build ccache git pkg-config
    openmpi-bin libopenmpi-dev libhdf5-dev
    libcli11-dev nlohmann-json3-dev libfmt-dev libtomlplusplus-dev libxxhash-dev libpcre2-dev libutf8proc-dev
    libyaml-cpp-dev libpugixml-dev libgtest-dev
    python3 python3-venv
    bible-kjv perl-doc
)

say() { printf 'setup: %s\n' "$*" >&2; }

install_packages() {
    local missing=() package
    for package in "${packages[@]}"; do
        dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    local line="apt-get install -y --no-install-recommends ${missing[*]}"
    local as_root=()
    if ((EUID != 0)); then
        if ! command -v sudo >/dev/null || { [[ ! -t 0 ]] && ! sudo -n true 2>/dev/null; }; then
            say "system packages are missing, and this account may not install them. Ask for, or type as root:"
            printf '    %s\n' "$line" >&2
            exit 3
        fi
        as_root=(sudo)
    fi
    if [[ -n ${MOEWIRE_NO_APT:-} ]]; then
        say "system packages are missing (MOEWIRE_NO_APT forbids installing them). As root:"
        printf '    %s\n' "$line" >&2
        exit 3
    fi
    say "installing ${#missing[@]} system packages: ${missing[*]}"
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# The environment is complete when its stamp names the same requirements and the same torch.
make_environment() {
    local torch_dir=${MOEWIRE_TORCH_DIR:-}
    if [[ -n $torch_dir && ! -e $torch_dir/lib/libtorch_cpu.so ]]; then
        say "MOEWIRE_TORCH_DIR=$torch_dir holds no lib/libtorch_cpu.so; name the folder that holds torch's include/ and lib/"
        exit 2
    fi
    local stamp
    stamp="$(sha256sum scripts/requirements.txt | cut -d' ' -f1) torch:${torch_dir:-venv}"
    [[ -x .venv/bin/python && $(cat .venv/.moewire-stamp 2>/dev/null) == "$stamp" ]] && return 0
    say "making the virtual environment .venv${torch_dir:+ (torch from $torch_dir)}"
    [[ -x .venv/bin/python ]] || python3 -m venv .venv
    if [[ -n $torch_dir ]]; then
        grep -v '^torch' scripts/requirements.txt >.venv/requirements.txt
    else
        cp scripts/requirements.txt .venv/requirements.txt
    fi
    .venv/bin/python -m pip install -q --disable-pip-version-check -r .venv/requirements.txt
    # Rooms are linked by a feature of CMake 3.24; Ubuntu 22.04 has 3.22.
    if ! printf '3.24\n%s\n' "$(cmake --version | sed -n '1s/[^0-9]*//p')" | sort -VC; then
        .venv/bin/python -m pip install -q --disable-pip-version-check 'cmake==3.31.6'
    fi
    printf '%s\n' "$stamp" >.venv/.moewire-stamp
}

install_packages
make_environment
.venv/bin/python scripts/fetch_text.py --quiet
