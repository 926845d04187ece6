#!/usr/bin/env python3
"""Draw the figures of a run.

    plot.py trace RUN.h5 --output FOLDER            traffic, load, percentiles, predicted against measured, timelines
    plot.py timeline RUN.h5 --output FOLDER         one forward pass (--case KEY, --iteration N, --layers A-B)
    plot.py profile STATS.json --output FOLDER      expert and rank load, batches, co-activation, router margins
    plot.py assign RESULTS.json --output FOLDER     balance against perplexity of routing policies
    plot.py simulation RESULTS.json --output FOLDER times against imbalance
    plot.py training HISTORY.json --output FOLDER   losses, balance and perplexity over steps
    plot.py arms RESULTS.json --output FOLDER       perplexity against balance of every fine-tune
    plot.py what_if RESULTS.json --output FOLDER    times against imbalance, ranks and bandwidth
    plot.py compare COMPARISON.json --output FOLDER residuals, predicted beside measured
"""

import argparse
import sys
from pathlib import Path

from plots.arms import plot_arms
from plots.assign import plot_assign
from plots.common import style
from plots.compare import plot_compare
from plots.profile import plot_profile
from plots.simulation import plot_simulation
from plots.timeline import plot_timeline
from plots.trace import plot_trace
from plots.training import plot_training
from plots.what_if import plot_what_if

KINDS = {"trace": plot_trace, "timeline": plot_timeline, "profile": plot_profile, "assign": plot_assign, "simulation": plot_simulation,
         "what_if": plot_what_if, "training": plot_training, "arms": plot_arms, "compare": plot_compare}


def layer_range(text: str) -> tuple:
    first, _, last = text.partition("-")
    if not first.isdigit() or (last and not last.isdigit()):
        raise argparse.ArgumentTypeError(f"'{text}' is no range of layers; give one as 2-5, or one layer as 2")
    return int(first), int(last or first)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=tuple(KINDS))
    parser.add_argument("source", type=Path)
    parser.add_argument("--output", type=Path, required=True, help="folder for the PNG files")
    parser.add_argument("--case", help="timeline: key of a case; default: the first")
    parser.add_argument("--iteration", type=int, help="timeline: one of those kept; default: the median")
    parser.add_argument("--layers", type=layer_range, help="timeline: layers of the lower panel; default: that of the longest transfer")
    arguments = parser.parse_args()
    if not arguments.source.is_file():
        sys.exit(f"plot.py: no file {arguments.source}")
    of_timeline = {name: getattr(arguments, name) for name in ("case", "iteration", "layers")}
    if arguments.what != "timeline" and any(value is not None for value in of_timeline.values()):
        parser.error("--case, --iteration and --layers belong to timeline alone")
    arguments.output.mkdir(parents=True, exist_ok=True)
    style()
    KINDS[arguments.what](arguments.source, arguments.output, **(of_timeline if arguments.what == "timeline" else {}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
