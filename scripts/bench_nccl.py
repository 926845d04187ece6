#!/usr/bin/env python3
"""Joins what nccl-tests (-I 1 -J) and `moewire sweep --cadence chained` measured, for scripts/bench_nccl.sh.

    bench_nccl.py join FOLDER [MORE...] from round*/NAME.{ours,theirs}.json of all folders to FOLDER/nccl.md and nccl.csv
    bench_nccl.py trim FILE             drops the environment, which nccl-tests writes whole, from its JSON
    bench_nccl.py size MATRIX RANKS     what -b and -e of alltoallv_perf must be for a matrix file

Both sides time each iteration on the device and take the slowest rank; medians are computed here, the same way for both,
over the iterations of a round, then over rounds. Ratios are of the same round; the interval is of their median, 95 %,
from ranks alone (six rounds or more), since each process finds its own time where memory lies as it happens to.
"""

import csv
import json
import math
import statistics
import sys
from pathlib import Path

LATENCY_BYTES = 1 << 20  # below, differences say more than ratios; from here on, bandwidths are compared
COLUMNS = ["test", "size_bytes", "rounds", "iterations", "ours_p50_us", "theirs_p50_us", "ratio", "ratio_low", "ratio_high", "ratio_least", "ratio_most", "difference_us",
           "ours_p99_us", "theirs_p99_us", "ours_busbw_gb_per_s", "theirs_busbw_gb_per_s", "bandwidth_ratio"]


class BenchError(Exception):
    """problem (why it is a problem); what to do"""


def read(path):
    try:
        return json.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        raise BenchError(f"{path} is no JSON that can be read ({error}); measure again") from error


def pick(record, path, *keys):
    for key in keys:
        if not isinstance(record, dict) or key not in record:
            raise BenchError(f"{path} has no {'.'.join(keys)} (nccl-tests 2.19 with -I 1, or moewire sweep, write it); measure again")
        record = record[key]
    return record


def nearest_rank(times, percent):
    return sorted(times)[max(0, -(-len(times) * percent // 100) - 1)]


def theirs(path):
    """size -> times of iterations in us, out of place, the slowest process of each."""
    found = {}
    for result in pick(read(path), path, "results"):
        per_iteration = pick(result, path, "out_of_place_per_iter")
        times = pick(per_iteration, path, "times_us")[per_iteration.get("skipped_iterations", 0):]
        wrong = pick(result, path, "out_of_place").get("nwrong")
        if wrong:
            raise BenchError(f"{path}: {wrong} wrong elements of {result['size']} bytes (the exchange damages data); report it")
        found[result["size"]] = times
    return found


def ours(path):
    record = read(path)
    times = {pick(rung, path, "size_bytes"): pick(rung, path, "times_us") for rung in pick(record, path, "rungs") if rung["kind"] != "floor"}
    return pick(record, path, "ranks"), times


def rounds_of(folders):
    """test -> [(ranks, our times by size, their times by size)] of each round."""
    found = {}
    for path in (path for folder in folders for path in sorted(Path(folder).glob("round*/*.ours.json"))):
        name = path.name[:-len(".ours.json")]
        other = path.with_name(f"{name}.theirs.json")
        ranks, mine = ours(path)
        yours = theirs(other)
        if set(mine) != set(yours):
            raise BenchError(f"{path} and {other.name} hold different sizes ({sorted(set(mine) ^ set(yours))} on one side alone); measure the same ones")
        found.setdefault(name, []).append((ranks, mine, yours))
    if not found:
        raise BenchError(f"{', '.join(map(str, folders))}: no round*/NAME.ours.json (nothing can be joined); run scripts/bench_nccl.sh")
    for test, rounds in found.items():
        counts = sorted({ranks for ranks, _, _ in rounds})
        if len(counts) > 1:
            raise BenchError(f"{test} was measured among {' and '.join(map(str, counts))} ranks (one median of both means nothing); join them apart")
    return found


def interval_of_median(values):
    """95 % or more, by order statistics: how many of n values lie below the median is binomial. None: too few values."""
    count, below, left_out = len(values), 0.0, 0
    while True:
        below += math.comb(count, left_out) / 2**count
        if 2 * below > 0.05:
            break
        left_out += 1
    ordered = sorted(values)
    return (ordered[left_out - 1], ordered[count - left_out]) if left_out else (None, None)


def row_of(test, size, rounds):
    rounds = [one for one in rounds if size in one[1]]
    ranks = rounds[0][0]
    pairs = [(statistics.median(mine[size]), statistics.median(yours[size])) for _, mine, yours in rounds]
    mine_us, yours_us = (statistics.median(column) for column in zip(*pairs))
    ratios = [mine / yours for mine, yours in pairs]
    busbw = [size / (us * 1e-6) / 1e9 * (ranks - 1) / ranks for us in (mine_us, yours_us)]
    tails = [statistics.median(nearest_rank(one[which][size], 99) for one in rounds) for which in (1, 2)]
    ratio = statistics.median(ratios)
    return dict(zip(COLUMNS, [test, size, len(rounds), len(rounds[0][1][size]), mine_us, yours_us, ratio, *interval_of_median(ratios), min(ratios), max(ratios),
                              mine_us - yours_us, *tails, *busbw, 1 / ratio]))


def rows_of(folders):
    return [row_of(test, size, rounds) for test, rounds in sorted(rounds_of(folders).items()) for size in sorted(set().union(*(mine for _, mine, _ in rounds)))]


def markdown(rows):
    lines = ["| test | size [B] | rounds | ours p50 [us] | nccl-tests p50 [us] | ours / theirs | 95 % interval | rounds lie in | difference [us] | ours busbw [GB/s] | nccl-tests busbw | bandwidth ratio |",
             "|---|---|---|---|---|---|---|---|---|---|---|---|"]
    for r in rows:
        small = r["size_bytes"] < LATENCY_BYTES
        interval = "-" if r["ratio_low"] is None else f"{r['ratio_low']:.3f} .. {r['ratio_high']:.3f}"
        lines.append(f"| {r['test']} | {r['size_bytes']} | {r['rounds']} | {r['ours_p50_us']:.2f} | {r['theirs_p50_us']:.2f} | "
                     f"{r['ratio']:.3f} | {interval} | {r['ratio_least']:.3f} .. {r['ratio_most']:.3f} | {format(r['difference_us'], '+.2f') if small else ''} | "
                     f"{r['ours_busbw_gb_per_s']:.2f} | {r['theirs_busbw_gb_per_s']:.2f} | {'' if small else format(r['bandwidth_ratio'], '.3f')} |")
    counted = sorted({r["iterations"] for r in rows})
    return "\n".join(lines) + f"\n\nIterations of each round: {', '.join(map(str, counted))}. Medians of the slowest rank of each iteration, then of rounds.\n"


def join(folder, *more):
    rows = rows_of([folder, *more])
    with open(Path(folder) / "nccl.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    (Path(folder) / "nccl.md").write_text(markdown(rows))
    print(markdown(rows), end="")


def trim(path):
    record = read(path)
    record.pop("env", None)
    Path(path).write_text(json.dumps(record))


def size(path, ranks):
    """As nccl-tests reads it: the first `ranks` rows and columns, rounded down to 16; the busiest rank counts."""
    rows = [[int(float(word)) // 16 * 16 for word in line.split()] for line in Path(path).read_text().splitlines() if line.strip()]
    ranks = int(ranks)
    if len(rows) < ranks or any(len(row) != len(rows) for row in rows):
        raise BenchError(f"{path} is no square matrix for {ranks} ranks (alltoallv_perf would refuse it); write it again")
    used = [row[:ranks] for row in rows[:ranks]]
    print(max(map(sum, used + list(zip(*used)))))


def main():
    name, given = (sys.argv[1] if len(sys.argv) > 1 else ""), len(sys.argv) - 2
    command = join if name == "join" and given >= 1 else {("trim", 1): trim, ("size", 2): size}.get((name, given))
    if command is None:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        command(*sys.argv[2:])
    except (BenchError, OSError) as error:
        print(f"bench_nccl: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
