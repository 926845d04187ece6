#!/usr/bin/env python3
"""One Markdown table from several runs of `moewire assign`: policy_table.py RESULTS.json ... > TABLE.md"""

import json
import sys
from pathlib import Path


def domains_of(path):
    results = json.loads(Path(path).read_text())
    return results.get("domains") or {results["configuration"]["dataset"]: results}


def main() -> int:
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    print("| model | text | policy | perplexity | rise % (95 %) | verdict | choices lost % | KL | Gini before | Gini after | busiest of 4 ranks before | after | causal |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|---|")
    for path in sys.argv[1:]:
        for text, domain in domains_of(path).items():
            model, own = domain["configuration"]["model"], domain["baseline"]
            loads = own["imbalance"]
            rank_key = next((key for key in loads if key.startswith("rank_max_over_mean")), None)
            print(f"| {model} | {text} | *baseline* | {own['perplexity']:.4f} | | | | | {loads['average_gini']:.3f} | | {loads[rank_key]:.3f} | | |")
            for policy, one in domain.items():
                if "verdict" not in one:
                    continue
                low, high = (100 * (one[f"perplexity_ratio_{end}"] - 1) for end in ("low", "high"))
                print(f"| {model} | {text} | {policy} | {one['perplexity']:.4f} | {one['perplexity_increase_percent']:+.1f} ({low:+.1f} to {high:+.1f}) "
                      f"| {one['verdict']} | {100 * one['share_rerouted']:.1f} | {one['logit_kl']:.4f} | {one['imbalance_before']['average_gini']:.3f} "
                      f"| {one['imbalance']['average_gini']:.3f} | {one['imbalance_before'][rank_key]:.3f} | {one['imbalance'][rank_key]:.3f} "
                      f"| {'yes' if one['causal'] else 'no'} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
