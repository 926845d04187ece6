#!/usr/bin/env bash
# Set-up, build, and all tests. Options go to ctest: scripts/test.sh -R trace
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh
scripts/build.sh
export PATH="$PWD/.venv/bin:$PATH"
exec ctest --preset "${MOEWIRE_PRESET:-release}" --parallel 2 "$@"
