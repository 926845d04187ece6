#!/usr/bin/env python3
"""Draw the figures of a run.

    plot.py trace RUN.h5 --output FOLDER            traffic, load, percentiles, predicted against measured
    plot.py profile STATS.json --output FOLDER      expert and rank load, batches, co-activation, router margins
    plot.py assign RESULTS.json --output FOLDER     balance against perplexity of routing policies
    plot.py simulation RESULTS.json --output FOLDER times against imbalance
"""

import argparse
import sys
from pathlib import Path

from plots.assign import plot_assign
from plots.common import style
from plots.profile import plot_profile
from plots.simulation import plot_simulation
from plots.trace import plot_trace

KINDS = {"trace": plot_trace, "profile": plot_profile, "assign": plot_assign, "simulation": plot_simulation}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=tuple(KINDS))
    parser.add_argument("source", type=Path)
    parser.add_argument("--output", type=Path, required=True, help="folder for the PNG files")
    arguments = parser.parse_args()
    if not arguments.source.is_file():
        sys.exit(f"plot.py: no file {arguments.source}")
    arguments.output.mkdir(parents=True, exist_ok=True)
    style()
    KINDS[arguments.what](arguments.source, arguments.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
