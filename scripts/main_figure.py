#!/usr/bin/env python3
"""Draw the first figure of report.html from a trace: how long the exchanges of a pass take under each strategy.

    main_figure.py RUN.h5 FIGURE.png       (or .svg, .pdf)

One panel for each comparison (model, text, mode): the share of iterations within a time. An example of reading traces; take
what you need of it.
"""

import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from moewire_trace import Trace, TraceError

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d31", "#7f7f7f")
DASHES = ("-", "--", ":", "-.")


def main() -> int:
    if len(sys.argv) != 3:
        print("usage: main_figure.py RUN.h5 FIGURE.png", file=sys.stderr)
        return 2
    try:
        groups = Trace(sys.argv[1]).groups()
    except TraceError as error:
        print(f"main_figure: {error}", file=sys.stderr)
        return 2
    if not groups:
        print(f"main_figure: {sys.argv[1]} holds no measured case (there is nothing to draw); name another run", file=sys.stderr)
        return 2
    figure, panels = plt.subplots(len(groups), 1, figsize=(8, 3.2 * len(groups)), squeeze=False, layout="constrained")
    for axes, ((model, text, plan, mode), cases) in zip(panels[:, 0], groups.items()):
        for i, case in enumerate(cases):
            samples = np.sort(case.exchange_s()) * 1e3
            axes.step(samples, np.arange(1, len(samples) + 1) / len(samples), where="post", label=case.label, color=COLOURS[i % 8], linestyle=DASHES[i % 4])
        planned = "" if plan == text else f", planned on {plan}"
        axes.set(title=f"{model} on {text}{planned}, {mode}", xlabel="exchanges of all layers of a pass [ms]", ylabel="share of iterations [1]", ylim=(0, 1.02))
        axes.grid(alpha=0.3)
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8)
    figure.savefig(sys.argv[2], dpi=120)
    return 0


if __name__ == "__main__":
    sys.exit(main())
