#!/usr/bin/env bash
# Builds the release program (default) or any targets: scripts/build.sh [target...]
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH"  # a newer cmake, where the system's is too old

preset=${MOEWIRE_PRESET:-release}
options=(-D "MOEWIRE_TORCH_DIR=${MOEWIRE_TORCH_DIR:-}")
chosen="$preset ${options[*]}"
if [[ ! -e build/$preset/build.ninja || $(cat "build/$preset/.chosen" 2>/dev/null) != "$chosen" ]]; then
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    cmake --preset "$preset" "${options[@]}" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
    printf '%s' "$chosen" >"build/$preset/.chosen"
fi
targets=()
(($# == 0)) || targets=(--target "$@")
cmake --build --preset "$preset" --parallel "${MOEWIRE_JOBS:-$(nproc)}" "${targets[@]}" >&2
