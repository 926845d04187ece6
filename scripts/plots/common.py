"""What all figures share: colours, units, and how a file is written."""

import re
import sys
from pathlib import Path

try:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import numpy as np
    from matplotlib import ticker
except ImportError as missing:
    sys.exit(f"plot.py: {missing}; scripts/setup.sh installs what figures need")

# Distinct also in greyscale and for the colour-blind (Okabe and Ito).
COLOURS = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X", "*"]


def style():
    plt.rcParams.update({"figure.dpi": 110, "savefig.bbox": "tight", "font.size": 10, "axes.grid": True, "grid.alpha": 0.3,
                         "axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": 11})


def save(figure, folder: Path, name: str):
    safe = re.sub(r"[^A-Za-z0-9._-]", "-", name)
    target = folder / f"{safe}.png"
    part = folder / f".{safe}.part.png"
    figure.savefig(part)
    part.replace(target)
    plt.close(figure)
    print(f"plot: {target}", file=sys.stderr)


def percentile(values, fraction):
    """Nearest rank, as the program reports it."""
    ordered = np.sort(values)
    return ordered[max(0, int(np.ceil(fraction * len(ordered) - 1e-9)) - 1)]


def plain_ticks(*axes):
    """Logarithmic axes, once all is drawn: over two decades and less they name 1, 2, 5, 10, ..., beyond that powers of ten alone."""
    for axis in axes:
        low, high = axis.get_view_interval()
        axis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5) if high < 100 * low else (1,)))
        axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(ticker.NullFormatter())


def time_unit(largest_s):
    return (1e6, "µs") if largest_s < 1e-3 else (1e3, "ms") if largest_s < 1 else (1.0, "s")


def byte_unit(largest):
    for factor, unit in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if largest >= factor:
            return factor, unit
    return 1, "bytes"
