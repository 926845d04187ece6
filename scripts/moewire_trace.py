"""Read moewire traces (schema 1.x) into numpy, and into pandas where it is installed.

    from moewire_trace import Trace
    trace = Trace("run.h5")
    for case in trace.cases:
        print(case.key, case["strategy"], case.exchange_s().mean())
    trace.frame()          # one row a case (needs pandas)
    trace.samples_frame()  # one row an iteration, layer, direction and rank (needs pandas)

Five recipes, each a program of its own; `scripts/main_figure.py` draws the first figure of report.html this way.

1. Which placement is faster? Cases of a group are interleaved, so iterations pair.

    import numpy as np
    from moewire_trace import Trace
    for (model, text, plan, mode), cases in Trace("run.h5").groups().items():
        base = next(c for c in cases if c.label == "contiguous").charged_s()
        for case in cases:
            print(text, mode, case.label, f"{np.median(case.charged_s() / base):.3f} of contiguous")

2. Which rank receives most, layer by layer?

    from moewire_trace import Trace
    for case in Trace("run.h5").cases:
        received = case.data["traffic_bytes"].sum(axis=1)  # [layer, source, destination] -> [layer, destination]
        print(case.key, received.argmax(axis=1), received.max(axis=1) / received.mean(axis=1))

3. How far off was each cost model?

    import numpy as np
    from moewire_trace import DIRECTIONS, Trace
    for case in Trace("run.h5").cases:
        for model in case.models() if case.measured else []:
            errors = [case.predicted_s(d, model)["time"] / np.median(case.slowest_s(d), axis=0) - 1 for d in DIRECTIONS]
            print(case.key, model, f"{np.median(np.abs(errors)):.1%}")

4. Who waits for whom? Median wait and transfer of each rank, over all layers and both directions.

    import numpy as np
    from moewire_trace import DIRECTIONS, Trace
    for case in Trace("run.h5").cases:
        if case.measured:
            for what in ("wait_s", "transfer_s"):
                print(case.key, what, np.median(sum(case.data[f"measured/{d}_{what}"].sum(axis=1) for d in DIRECTIONS), axis=0))

5. Where does a forward pass go? Shares of each rank's own pass, in mode in_model.

    from moewire_trace import Trace
    for case in Trace("run.h5").cases:
        if case.timeline_iterations:
            for part, share in case.timeline().shares().items():
                print(case.key, part, share.round(3))
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np

SCHEMA_MAJOR = 1
DIRECTIONS = ("dispatch", "combine")
EXCHANGES = ("migrate", *DIRECTIONS)


class TraceError(Exception):
    """The file is no trace that this reader understands."""


def _text(value):
    return value.decode("utf-8").rstrip("\0") if isinstance(value, bytes) else value


def _attributes(group) -> dict:
    return {name: _text(value.item() if isinstance(value, np.generic) else value) for name, value in group.attrs.items()}


def _record(group) -> "Record":
    """A group's attributes, and the datasets below it that belong to no deeper record."""
    record = Record(group.name, _attributes(group))

    def collect(where, prefix):
        for name, item in where.items():
            if isinstance(item, h5py.Dataset):
                record.data[prefix + name] = item[()]
                record.units[prefix + name] = _text(item.attrs.get("unit", ""))
                record.axes[prefix + name] = [axis for axis in _text(item.attrs.get("axes", "")).split(",") if axis]
            elif not item.attrs:
                collect(item, f"{prefix}{name}/")

    collect(group, "")
    return record


@dataclass
class Timeline:
    """One pass of a case of mode in_model, in seconds since the first rank began it; a step that did not run has zeros."""

    iteration: int
    steps: list  # names, in the order of a layer
    start_s: np.ndarray  # [layer, step, rank]
    end_s: np.ndarray  # [layer, step, rank]
    pass_start_s: np.ndarray  # [rank]
    pass_end_s: np.ndarray  # [rank]

    def moves_s(self) -> np.ndarray:
        """From when a step moves: an exchange from the last rank's entry (or own end, when that came first), others from the start."""
        moves = self.start_s.copy()
        for step, name in enumerate(self.steps):
            if name in EXCHANGES:
                last_entry = self.start_s[:, step].max(axis=1, keepdims=True)
                moves[:, step] = np.minimum(last_entry, self.end_s[:, step])
        return moves

    def parts(self):
        """(name, layer, rank, start, end) of every stretch; exchanges in two: "dispatch wait", "dispatch transfer"."""
        moves = self.moves_s()
        for layer, step, rank in np.argwhere(self.end_s > self.start_s):
            name, at = self.steps[step], (layer, step, rank)
            if name not in EXCHANGES:
                yield name, layer, rank, self.start_s[at], self.end_s[at]
                continue
            yield f"{name} wait", layer, rank, self.start_s[at], moves[at]
            yield f"{name} transfer", layer, rank, moves[at], self.end_s[at]

    def shares(self) -> dict:
        """part -> share of each rank's own pass, [rank]; "other" is what no step covers."""
        shares: dict = {}
        for name, _, rank, start, end in self.parts():
            shares.setdefault(name, np.zeros(len(self.pass_end_s)))[rank] += (end - start) / (self.pass_end_s[rank] - self.pass_start_s[rank])
        return {**shares, "other": np.maximum(0, 1 - sum(shares.values()))}


@dataclass
class Record:
    """One group of a trace: `record["strategy"]` is an attribute, `record.data["traffic_bytes"]` an array."""

    path: str
    attributes: dict
    data: dict = field(default_factory=dict)
    units: dict = field(default_factory=dict)
    axes: dict = field(default_factory=dict)

    @property
    def key(self) -> str:
        return self.path.rsplit("/", 1)[-1]

    def __getitem__(self, name):
        return self.attributes[name]

    def get(self, name, default=None):
        return self.attributes.get(name, default)

    @property
    def measured(self) -> bool:
        return self.get("status") == "ok"

    def slowest_s(self, direction: str, quantity: str = "transfer_s") -> np.ndarray:
        """Maximum over ranks. Shape: [iteration, layer]."""
        return self.data[f"measured/{direction}_{quantity}"].max(axis=2)

    def exchange_s(self, quantity: str = "transfer_s") -> np.ndarray:
        """Slowest rank of each exchange, summed over layers and both directions. Shape: [iteration]."""
        return sum(self.slowest_s(direction, quantity).sum(axis=1) for direction in DIRECTIONS)

    def migration_s(self) -> np.ndarray:
        """Slowest rank of each move of expert weights, summed over layers; zero where none move. Shape: [iteration]."""
        moved = self.data.get("measured/migration_transfer_s")
        return np.zeros(len(self.exchange_s())) if moved is None else moved.max(axis=2).sum(axis=1)

    def charged_s(self) -> np.ndarray:
        """Exchanges and moved weights: what cases are compared by. Shape: [iteration]."""
        return self.exchange_s() + self.migration_s()

    @property
    def is_usual(self) -> bool:
        """The model's own router, one row an expert."""
        return self.get("policy", "native") == "native" and self.get("payload", "per_expert") == "per_expert"

    @property
    def label(self) -> str:
        """The strategy, with policy and payload where they are not the usual ones."""
        policy, payload = self.get("policy", "native"), self.get("payload", "per_expert")
        return self["strategy"] + ("" if policy == "native" else f" + {policy}") + ("" if payload == "per_expert" else f" ({payload})")

    @property
    def timeline_iterations(self) -> list[int]:
        """Iterations whose pass has a timeline; none in mode replay, and before schema 1.2."""
        return [int(i) for i in self.data.get("timeline/iteration", [])]

    def timeline(self, iteration: int | None = None) -> Timeline:
        """The pass of that iteration, or the median by its slowest rank."""
        kept = self.timeline_iterations
        if not kept:
            raise TraceError(f"case {self.key} has no timeline; measured cases of mode in_model have one since schema 1.2")
        start, end = self.data["timeline/pass_start_s"], self.data["timeline/pass_end_s"]
        if iteration is None:
            at = int(np.argsort((end - start).max(axis=1), kind="stable")[(len(kept) - 1) // 2])
        elif iteration in kept:
            at = kept.index(iteration)
        else:
            raise TraceError(f"case {self.key} keeps no timeline of iteration {iteration}; use one of: {', '.join(map(str, kept))}")
        of_steps = self.data["timeline/start_s"], self.data["timeline/end_s"]
        names = [self[f"step_{step}"] for step in range(of_steps[0].shape[2])]
        return Timeline(kept[at], names, of_steps[0][at], of_steps[1][at], start[at], end[at])

    def predicted_s(self, direction: str, model: str) -> dict:
        """`time`, `low`, `high` and `bound`, each of shape [layer]."""
        prefix = f"predicted/{direction}/{model}"
        return {name: self.data[f"{prefix}_{suffix}"]
                for name, suffix in (("time", "s"), ("low", "low_s"), ("high", "high_s"), ("bound", "bound_s"))}

    def models(self) -> list[str]:
        """Cost models that predicted this case."""
        prefix, suffix = "predicted/dispatch/", "_bound_s"
        return sorted(name[len(prefix):-len(suffix)] for name in self.data if name.startswith(prefix) and name.endswith(suffix))


class Trace:
    """A whole trace in memory."""

    def __init__(self, path):
        self.path = Path(path)
        try:
            file = h5py.File(self.path, "r")
        except OSError as error:
            raise TraceError(f"{path} cannot be read ({error}); name a trace, or run `moewire trace recover`") from error
        with file:
            version = _text(file.attrs.get("schema_version", b""))
            major = version.split(".")[0]
            if not major.isdigit():
                raise TraceError(f"{path} is no moewire trace (no schema_version)")
            if int(major) > SCHEMA_MAJOR:
                raise TraceError(f"{path} has schema {version}; this reader knows up to {SCHEMA_MAJOR}.x: update it")
            self.root = _record(file)
            self.topology = _record(file["topology"]) if "topology" in file else None
            self.calibration = _record(file["calibration"]) if "calibration" in file else None
            self.models = [_record(group) for group in file.get("models", {}).values()]
            self.cases = [_record(group) for group in file.get("cases", {}).values()]

    def groups(self) -> dict:
        """Measured cases that differ in strategy, policy or payload alone: (model, dataset, plan_dataset, mode) -> cases."""
        found: dict = {}
        for case in self.cases:
            if case.measured:
                key = tuple(case[name] for name in ("model", "dataset", "plan_dataset", "mode"))
                found.setdefault(key, []).append(case)
        return found

    def frame(self):
        """One row a case: its attributes, and percentiles of charged_s."""
        import pandas
        rows = []
        for case in self.cases:
            row = {"key": case.key, **case.attributes}
            if case.measured:
                samples = np.sort(case.charged_s())
                for percent in (50, 95, 99):
                    row[f"charged_p{percent}_s"] = samples[max(0, int(np.ceil(percent / 100 * len(samples) - 1e-9)) - 1)]
            rows.append(row)
        return pandas.DataFrame(rows)

    def samples_frame(self):
        """One row an iteration, layer, direction and rank of every measured case."""
        import pandas
        parts = []
        for case in filter(lambda case: case.measured, self.cases):
            for direction in DIRECTIONS:
                columns = {q: case.data[f"measured/{direction}_{q}"] for q in ("host_s", "device_s", "wait_s", "transfer_s")
                           if f"measured/{direction}_{q}" in case.data}
                shape = columns["wait_s"].shape
                index = np.indices(shape).reshape(3, -1)
                parts.append(pandas.DataFrame({"key": case.key, "strategy": case["strategy"], "direction": direction,
                                               "iteration": index[0], "layer": index[1], "rank": index[2],
                                               **{q: values.ravel() for q, values in columns.items()}}))
        return pandas.concat(parts, ignore_index=True) if parts else pandas.DataFrame()


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: moewire_trace.py TRACE.h5", file=sys.stderr)
        return 2
    try:
        trace = Trace(sys.argv[1])
    except TraceError as error:
        print(f"moewire_trace: {error}", file=sys.stderr)
        return 2
    print(f"{trace.path}: schema {trace.root['schema_version']}, {trace.root['ranks']} ranks, {len(trace.cases)} cases")
    for case in trace.cases:
        times = f", exchange median {np.median(case.exchange_s()) * 1e3:.3f} ms over {len(case.exchange_s())} iterations" if case.measured else ""
        print(f"  {case.key}: {case['status']}{times}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
