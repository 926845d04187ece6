#!/usr/bin/env python3
"""What each strategy gains over contiguous as ranks are added, measured and predicted: scaling_table.py TRACE... > TABLE.md

Traces of `moewire measure` with one text and one mode each, on different counts of ranks. Measured: median over iterations of dispatch and combine of all
layers, migration charged, beside contiguous in the same iterations. Predicted: the calibrated model's sum, or the line's where nothing was calibrated, both
written before the measurement and without migration.
"""

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from moewire_trace import DIRECTIONS, Trace, TraceError

BASE = "contiguous"


def predicted_s(case, model):
    return sum(case.predicted_s(direction, model)["time"].sum() for direction in DIRECTIONS)


def rows_of(path):
    """(model, ranks), label: measured seconds, gain, predicted gain; gains are parts of contiguous' time that are saved."""
    trace = Trace(path)
    for (model, *_), cases in trace.groups().items():
        base = next((case for case in cases if case.label == BASE), None)
        if base is None:
            raise TraceError(f"{path}: {BASE} was not measured (nothing to compare with)")
        for case in cases:
            rule = "calibrated" if "calibrated" in case.models() else "line"
            has_rule = rule in case.models() and rule in base.models()
            yield (model, int(trace.root["ranks"])), case.label, (
                np.median(case.charged_s()), 1 - np.median(case.charged_s() / base.charged_s()),
                1 - predicted_s(case, rule) / predicted_s(base, rule) if has_rule else None)


def main() -> int:
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    table, counts, labels = defaultdict(dict), defaultdict(set), defaultdict(list)
    try:
        for path in sys.argv[1:]:
            for (model, ranks), label, row in rows_of(path):
                table[model, label][ranks] = row
                counts[model].add(ranks)
                if label not in labels[model]:
                    labels[model].append(label)
    except TraceError as error:
        print(f"scaling_table.py: {error}", file=sys.stderr)
        return 2
    for model in counts:
        ranks = sorted(counts[model])
        print(f"\n{model}: time of a pass's exchanges [us], and what is saved of that of {BASE}: measured (predicted)\n")
        print("| strategy | " + " | ".join(f"{count} ranks" for count in ranks) + " |\n|---|" + "---|" * len(ranks))
        for label in labels[model]:
            cells = []
            for count in ranks:
                if count not in table[model, label]:
                    cells.append("-")
                    continue
                measured_s, gain, expected = table[model, label][count]
                told = "" if expected is None else f" ({100 * expected:+.1f} %)"
                cells.append(f"{1e6 * measured_s:.1f}" + ("" if label == BASE else f", {100 * gain:+.1f} %{told}"))
            print(f"| {label} | " + " | ".join(cells) + " |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
