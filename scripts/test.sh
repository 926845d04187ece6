#!/usr/bin/env bash
# Set-up, build, and all tests. Options go to ctest: scripts/test.sh -R trace
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh
# What tests compare with; the stamp names what is there.
wanted=$(sha256sum tests/requirements.txt | cut -d' ' -f1)
if [[ $(cat .venv/.moewire-tests-stamp 2>/dev/null) != "$wanted" ]]; then
    printf 'test: installing what tests compare with (tests/requirements.txt)\n' >&2
    .venv/bin/python -m pip install -q --disable-pip-version-check -r tests/requirements.txt -c scripts/requirements.txt
    printf '%s\n' "$wanted" >.venv/.moewire-tests-stamp
fi
scripts/build.sh
export PATH="$PWD/.venv/bin:$PATH"
exec ctest --preset "${MOEWIRE_PRESET:-release}" --parallel 2 "$@"
