#!/usr/bin/env python3
"""How fast is transformers on this GPU? Prefill and decode of a published geometry, random bf16 weights.

    bench_gpu_peer.py GEOMETRY.json [...] [--phases prefill,decode] [--experts grouped_mm,batched_mm,eager]

Prints one JSON line a case: model, phase, experts implementation, median seconds, tokens/s. Logits of the last position
alone, as `moewire forward` has it; decoding goes on in a static cache and runs every step eagerly, as `generate` does by
default, and once more with the model compiled (CUDA graphs) where --compile is given. Needs transformers 5 and a GPU.
"""

import argparse
import gc
import json
import statistics
import time
from pathlib import Path

import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM, StaticCache
from transformers.initialization import no_init_weights

transformers.logging.set_verbosity_error()


def build(path, experts):
    values = json.loads(Path(path).read_text())
    values.pop("torch_dtype", None)
    config = AutoConfig.for_model(values.pop("model_type"), **{k: v for k, v in values.items() if not k.startswith("_")})
    config._experts_implementation = experts
    config._attn_implementation = "sdpa"
    config.dtype = torch.bfloat16
    torch.set_default_dtype(torch.bfloat16)
    with torch.device("cuda"), no_init_weights():
        model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16, experts_implementation=experts, attn_implementation="sdpa")
    torch.set_default_dtype(torch.float32)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("norm.weight"):
                parameter.fill_(1)
            else:
                parameter.normal_(0, parameter.shape[-1] ** -0.5 if "embed" not in name else 1.0)
    return model.eval(), config


def timed(step, warm_up, repeat):
    times = []
    for i in range(warm_up + repeat):
        torch.cuda.synchronize()
        start = time.perf_counter()
        step(i)
        torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return times[warm_up:]


@torch.inference_mode()
def prefill(model, config, o):
    ids = torch.randint(0, config.vocab_size, (o.sequences, o.positions), device="cuda")
    return timed(lambda _: model(ids, use_cache=False, logits_to_keep=1), 2, o.repeat), ids.numel()


@torch.inference_mode()
def decode(model, config, o, compiled):
    total = o.context + o.steps + 8
    cache = StaticCache(config=config, max_cache_len=total)
    piece = max(1, 16384 // o.decode_sequences)
    for begin in range(0, o.context, piece):
        count = min(piece, o.context - begin)
        ids = torch.randint(0, config.vocab_size, (o.decode_sequences, count), device="cuda")
        model(ids, past_key_values=cache, use_cache=True, logits_to_keep=1, cache_position=torch.arange(begin, begin + count, device="cuda"))
    step_model = torch.compile(model, mode="reduce-overhead", fullgraph=False) if compiled else model
    ids = torch.randint(0, config.vocab_size, (o.steps + 8, o.decode_sequences, 1), device="cuda")

    def step(i):
        if compiled:
            torch.compiler.cudagraph_mark_step_begin()
        step_model(ids[i], past_key_values=cache, use_cache=True, cache_position=torch.tensor([o.context + i], device="cuda"))
    return timed(step, 8, o.steps), o.decode_sequences


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("geometries", nargs="+")
    parser.add_argument("--phases", default="prefill,decode")
    parser.add_argument("--experts", default="grouped_mm,batched_mm,eager")
    parser.add_argument("--sequences", type=int, default=8)
    parser.add_argument("--positions", type=int, default=2048)
    parser.add_argument("--decode-sequences", type=int, default=128)
    parser.add_argument("--context", type=int, default=512)
    parser.add_argument("--repeat", type=int, default=10)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--compile", action="store_true")
    o = parser.parse_args()
    for geometry in o.geometries:
        model, config = build(geometry, o.experts.split(",")[0])
        for experts in o.experts.split(","):
            model.set_experts_implementation(experts)
            for phase in o.phases.split(","):
                if experts == "batched_mm" and phase == "prefill":
                    continue  # it copies every token's expert weights
                for compiled in ([False, True] if o.compile and phase == "decode" else [False]):
                    line = {"model": Path(geometry).stem, "phase": phase, "experts": experts, "compiled": compiled}
                    try:
                        times, tokens = prefill(model, config, o) if phase == "prefill" else decode(model, config, o, compiled)
                        middle = statistics.median(times)
                        line |= {"median_s": middle, "least_s": min(times), "tokens_per_s": tokens / middle}
                    except Exception as error:  # one way that fails must not hide the others
                        line["error"] = f"{type(error).__name__}: {str(error)[:200]}"
                    print(json.dumps(line | {"transformers": transformers.__version__, "torch": torch.__version__, "gpu": torch.cuda.get_device_name()}), flush=True)
                    torch.cuda.empty_cache()
        del model
        gc.collect()
        torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
