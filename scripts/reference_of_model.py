#!/usr/bin/env python3
"""What transformers computes of a trained model, and how it learned: the files beside a shipped model's weights.

    reference_of_model.py MODEL_FOLDER [--history TRAINING_HISTORY] [--texts FOLDER] [--every 50]

Writes MODEL_FOLDER/reference.json: perplexity of the test split of each text (first 64 disjoint windows of 256 tokens, no BOS, float32, CPU), and of
the first 32 windows the Gini coefficient and max/mean of experts' tokens by layer, by plain top-k of the router's logits. With --history, which
`moewire train` leaves, also MODEL_FOLDER/training_history.json: every so manieth step of it and all evaluations.
Needs transformers 5 beside torch. --texts: default the folder `text` of the cache that `scripts/fetch_text.py` fills.
"""

import argparse
import hashlib
import json
import math
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOMAINS = ("drama", "scripture", "manual")
WINDOW, WINDOWS, WINDOWS_OF_LOADS = 256, 64, 32


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--history", type=Path)
    parser.add_argument("--texts", type=Path, default=Path(os.environ.get("MOEWIRE_CACHE", ROOT / ".cache")) / "text")
    parser.add_argument("--every", type=int, default=50, help="steps of the history that are kept")
    options = parser.parse_args(arguments)
    for needed in (options.model / "config.json", options.model / "model.safetensors", options.model / "tokenizer.json",
                   *([options.history] if options.history else []), *(options.texts / domain / "test.txt" for domain in DOMAINS)):
        if not needed.is_file():
            parser.error(f"{needed} is not there")
    if options.every < 1:
        parser.error("--every is below 1")
    return options


def balance(counts):
    """Gini coefficient and max/mean of one layer's tokens by expert."""
    ordered, n = sorted(counts), len(counts)
    total = sum(ordered)
    return (sum((2 * i - n + 1) * c for i, c in enumerate(ordered)) / (n * total), max(ordered) * n / total)


def look_at(model, ids, top_k, torch):
    """Perplexity of a text, and its balance by layer."""
    nll, counts = 0.0, None
    for index in range(min(WINDOWS, len(ids) // WINDOW)):
        tokens = torch.tensor([ids[index * WINDOW:(index + 1) * WINDOW]])
        with torch.no_grad():
            output = model(tokens, output_router_logits=True)
        likelihoods = output.logits[0, :-1].double().log_softmax(-1)
        nll -= float(likelihoods[torch.arange(WINDOW - 1), tokens[0, 1:]].sum())
        if index >= WINDOWS_OF_LOADS:
            continue
        picked = [torch.bincount(scores.topk(top_k, -1).indices.flatten(), minlength=scores.shape[-1]) for scores in output.router_logits]
        counts = picked if counts is None else [a + b for a, b in zip(counts, picked)]
    targets = (index + 1) * (WINDOW - 1)
    by_layer = [balance(layer.tolist()) for layer in counts]
    return math.exp(nll / targets), targets, by_layer


def thinned(history, every):
    last = history["steps"][-1]["step"] if history["steps"] else 0
    kept = [step for step in history["steps"] if step["step"] % every == 0 or step["step"] in (1, last)]
    return {**history, "kept_steps": f"the first, every {every}th and the last", "steps": kept}


def main(arguments=None):
    options = parse(arguments)
    try:
        import torch
        import transformers
    except ImportError as missing:
        sys.exit(f"reference_of_model.py: {missing}; pip install transformers beside torch")
    transformers.logging.set_verbosity_error()
    model = transformers.AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.float32).eval()
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=str(options.model / "tokenizer.json"))
    reference = {"name": options.model.resolve().name, "parameters": sum(p.numel() for p in model.parameters()),
                 "sha256": hashlib.sha256((options.model / "model.safetensors").read_bytes()).hexdigest(),
                 "transformers": transformers.__version__, "torch": torch.__version__,
                 "perplexity_fp32_cpu": {"protocol": f"disjoint windows of {WINDOW}, first {WINDOWS} windows, no BOS", "values": {}},
                 "gini_per_layer_plain_topk": {}, "max_over_mean_per_layer": {}}
    for domain in DOMAINS:
        ids = tokenizer((options.texts / domain / "test.txt").read_text(), add_special_tokens=False).input_ids
        perplexity, targets, by_layer = look_at(model, ids, model.config.num_experts_per_tok, torch)
        reference["perplexity_fp32_cpu"]["values"][domain] = {"perplexity": perplexity, "targets": targets, "test_tokens": len(ids)}
        reference["gini_per_layer_plain_topk"][domain] = [round(gini, 4) for gini, _ in by_layer]
        reference["max_over_mean_per_layer"][domain] = [round(ratio, 3) for _, ratio in by_layer]
        print(f"{domain}: perplexity {perplexity:.3f} over {targets} targets, Gini {reference['gini_per_layer_plain_topk'][domain]}", flush=True)
    (options.model / "reference.json").write_text(json.dumps(reference, indent=1) + "\n")
    if options.history:
        kept = thinned(json.loads(options.history.read_text()), options.every)
        (options.model / "training_history.json").write_text(json.dumps(kept, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
