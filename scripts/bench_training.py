#!/usr/bin/env python3
"""Steps of learning, this program against transformers: same model, batch, dtype and threads, in turn. Prints the ratio.

    bench_training.py MODEL_FOLDER [...] [--device cpu|cuda] [--dtype float32|bfloat16] [--batch 4] [--length 256] [--steps 12] [--rounds 3]

Both sides: cross entropy, the Switch loss at 0.001, clipping at 1, AdamW. transformers computes in fp32, or under bfloat16 autocast with fp32 weights,
with its fused AdamW. A side's speed is that of its median step (its median look at the device, on a GPU). On the CPU the processor time of a step
stands beside it: other programs disturb it less.
Needs transformers 5 beside torch; another Python is named by MOEWIRE_PYTHON as everywhere. Uses the text of --dataset.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def ours(arguments, model, steps=None):
    steps_of_run = steps or arguments.steps
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([arguments.program, "finetune", "--model", model, "--dataset", arguments.dataset, "--device", arguments.device,
                        "--dtype", arguments.dtype, "--batch_size", str(arguments.batch), "--max_length", str(arguments.length),
                        "--max_samples", str(arguments.batch * steps_of_run), "--num_epochs", "1", "--imbalance_weight", "0",
                        "--load_balance_weight", "0.001", "--valid_windows", "0", "--threads", str(arguments.threads),
                        "--log_every", str(1 if arguments.device == "cpu" else max(1, arguments.steps // 4)), "--output_dir", folder],
                       check=True, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": str(arguments.threads)})
        steps = json.loads((Path(folder) / "training_history.json").read_text())["steps"]
    return statistics.median(step["tokens_per_s"] for step in steps[len(steps) // 4:])


def processor_s(arguments, model):
    """Of one step of ours: two runs, one longer; what both do besides cancels out."""
    def spent(steps):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        ours(arguments, model, steps)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    few, many = 2, 2 + 2 * arguments.steps
    return (spent(many) - spent(few)) / (many - few)


def theirs(arguments, model, tokens):
    """Tokens a second, and processor time of a step."""
    import torch

    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-5, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
    on_gpu = arguments.device == "cuda"
    looks, every = [], max(1, arguments.steps // 4) if on_gpu else 1
    start, busy, spent = time.perf_counter(), time.process_time(), []
    for step in range(arguments.steps):
        with torch.autocast(arguments.device, dtype=torch.bfloat16, enabled=arguments.dtype == "bfloat16"):
            loss = model(tokens, labels=tokens, use_cache=False, output_router_logits=True).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        if (step + 1) % every == 0:
            loss.item()
            looks.append((time.perf_counter() - start) / every)
            spent.append((time.process_time() - busy) / every)
            start, busy = time.perf_counter(), time.process_time()
    return tokens.numel() / statistics.median(looks[len(looks) // 4:]), statistics.mean(spent[len(spent) // 4:])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--length", type=int, default=256)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=3, help="turns")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--dataset", default="drama")
    parser.add_argument("--program", default=ROOT / "build" / "release" / "bin" / "moewire")
    arguments = parser.parse_args()
    try:
        import torch
        import transformers
    except ImportError as missing:
        sys.exit(f"bench_training.py: {missing}; pip install transformers beside torch")
    torch.set_num_threads(arguments.threads)
    if arguments.device == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = True
    transformers.logging.set_verbosity_error()
    print(f"transformers {transformers.__version__}, torch {torch.__version__}, {arguments.batch} x {arguments.length} tokens, {arguments.dtype}, {arguments.device}, {arguments.threads} threads")
    generator = torch.Generator().manual_seed(1)
    for folder in arguments.models:
        model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).to(arguments.device).train()
        tokens = torch.randint(3, model.config.vocab_size, (arguments.batch, arguments.length), generator=generator).to(arguments.device)
        ratios, of_processor = [], []
        for _ in range(arguments.rounds):
            a, (b, their_s) = ours(arguments, folder), theirs(arguments, model, tokens)
            ratios.append(a / b)
            said = ""
            if arguments.device == "cpu":
                own_s = processor_s(arguments, folder)
                of_processor.append(their_s / own_s)
                said = f"; processor time of a step {own_s:.3f} and {their_s:.3f} s, ratio {their_s / own_s:.2f}"
            print(f"  {Path(folder).name}: ours {a:,.0f} tokens/s, transformers {b:,.0f} tokens/s, ratio {a / b:.2f}{said}", flush=True)
        print(f"{Path(folder).name}: ours / transformers, median of {arguments.rounds} rounds: {statistics.median(ratios):.2f} (above 1: ours is faster)" +
              (f"; of processor time: {statistics.median(of_processor):.2f}" if of_processor else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
