#!/usr/bin/env bash
# From nothing to a report: set-up, build, and the main job on four ranks.
#
#   scripts/run.sh [options of `moewire study`]      default: --quick
#   MOEWIRE_RANKS   ranks to start (default 4)
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh
scripts/build.sh moewire
((EUID != 0)) || export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

(($# > 0)) || set -- --quick
output="runs/study-$(date -u +%Y%m%dT%H%M%SZ)"
mpirun --oversubscribe --bind-to none -n "${MOEWIRE_RANKS:-4}" build/release/bin/moewire study "$@" --output "$output"

cat <<END

Where to look:
  $output/report.html    the answer, figures with filters, tables: one page that opens offline
  $output/report.md      the same in Markdown, with pictures
  $output/plots/         pictures alone
  $output/run.h5         the trace: build/release/bin/moewire trace dump $output/run.h5
  build/release/bin/moewire --help
END
