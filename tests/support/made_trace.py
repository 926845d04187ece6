"""Traces of any size with known times, written with h5py: what the page must show is known before it is drawn."""

import json
import re

import h5py
import numpy as np

STRATEGIES = ("contiguous", "contiguous_twin", "round_robin", "random", "eplb_pack", "exact_pack", "hierarchical", "co_activation", "eplb_replicated", "load_aware")
STEPS = ("attention", "router", "counts", "permute", "dispatch", "experts", "combine", "unpermute")


def put(group, name, values, unit, axes):
    dataset = group.create_dataset(name, data=values, compression="gzip" if np.size(values) > 500 else None)
    dataset.attrs["unit"], dataset.attrs["axes"] = unit, ",".join(axes)


def samples(random, typical_s, shape):
    """Skewed noise around a typical time, as exchanges have."""
    return typical_s * (0.9 + random.gamma(2.0, 0.05, shape))


def add_timeline(group, random, layers, ranks):
    start = np.zeros((1, layers, len(STEPS), ranks))
    end = np.zeros_like(start)
    clock = random.uniform(0, 1e-4, ranks)
    began = clock.copy()
    for layer in range(layers):
        for step in range(len(STEPS)):
            start[0, layer, step] = clock
            clock = clock + random.uniform(1e-4, 4e-4, ranks)
            if STEPS[step] in ("dispatch", "combine"):
                clock = np.full(ranks, clock.max())
            end[0, layer, step] = clock
    put(group, "timeline/iteration", np.array([0], np.int32), "1", ["pass"])
    put(group, "timeline/start_s", start - began.min(), "s", ["pass", "layer", "step", "rank"])
    put(group, "timeline/end_s", end - began.min(), "s", ["pass", "layer", "step", "rank"])
    put(group, "timeline/pass_start_s", (began - began.min())[None], "s", ["pass", "rank"])
    put(group, "timeline/pass_end_s", (clock - began.min())[None], "s", ["pass", "rank"])
    for step, name in enumerate(STEPS):
        group.attrs[f"step_{step}"] = name


def add_case(file, random, *, model, text, plan, mode, strategy, layers=4, iterations=40, ranks=4, experts=16, slow=1.0, base_s=1e-4, policy="native",
             payload="per_expert", status="ok", reason="", perplexity=10.0, transport="mpi", clock="host", extra=None):
    key = re.sub(r"[^A-Za-z0-9._-]", "-", f"{model}.{text}" + ("" if plan == text else f"-from-{plan}") + f".{mode}.{strategy}" +
                 ("" if policy == "native" else f".{policy}") + ("" if payload == "per_expert" else f".{payload}"))
    group = file.create_group(f"cases/{key}")
    group.attrs.update({"model": model, "dataset": text, "plan_dataset": plan, "mode": mode, "strategy": strategy, "policy": policy, "payload": payload,
                        "policy_scope": "token", "standing": "bound" if strategy == "oracle" else "strategy", "status": status, "ranks": ranks, "experts": experts,
                        "top_k": 2, "row_bytes": 512, "tokens_per_rank": 1024, "batches": 1, "layers": layers, "transport": transport, "clock": clock, "perplexity": perplexity,
                        "rerouted_ratio": 0.0 if policy == "native" else 0.05, "plan_s": 1e-3, "binding_resource": "node 0 memory", "expert_gini_noise_floor": 0.02})
    if reason:
        group.attrs["reason"] = reason
    load = random.multinomial(2048 * 1, random.dirichlet(np.full(experts, 2.0)), size=(layers, ranks)).astype(np.int64)
    put(group, "expert_load_tokens", load, "tokens", ["layer", "source_rank", "expert"])
    traffic = random.integers(10_000, 90_000, (layers, ranks, ranks)).astype(np.uint64)
    put(group, "traffic_bytes", traffic, "bytes", ["layer", "source_rank", "destination_rank"])
    ports = traffic.sum(axis=1).max(axis=1).astype(float)
    for direction in ("dispatch", "combine"):
        for name, factor, width in (("bound", 0, 0), ("line", 1.05, 0.2), ("seed", 0.6, 0)):
            time = ports / 5e10 if name == "bound" else factor * base_s * np.ones(layers)
            for suffix, value in (("s", time), ("low_s", time * (1 - width)), ("high_s", time * (1 + width)), ("bound_s", ports / 5e10)):
                put(group, f"predicted/{direction}/{name}_{suffix}", value, "s", ["layer"])
    if status != "ok":
        return key
    for direction in ("dispatch", "combine"):
        shape = (iterations, layers, ranks)
        transfer, wait = samples(random, base_s * slow, shape), random.exponential(0.2 * base_s, shape)
        for name, values in (("transfer_s", transfer), ("wait_s", wait), ("device_s" if clock == "gpu" else "host_s", transfer + wait)):
            put(group, f"measured/{direction}_{name}", values, "s", ["iteration", "layer", "rank"])
    put(group, "measured/iteration_host_s", samples(random, 3 * layers * base_s * slow, (iterations, ranks)), "s", ["iteration", "rank"])
    if mode == "in_model":
        add_timeline(group, random, layers, ranks)
    for name, value in (extra or {}).items():
        group.attrs[name] = value
    return key


def gpus(count, name="NVIDIA H100 80GB HBM3"):
    """What the root says of a run on GPUs, one a rank."""
    each = [{"name": name, "uuid": f"GPU-{i}", "driver": "580.1", "sm_clock_mhz": 1980, "memory_clock_mhz": 2619, "power_w": 112.5, "throttled": False} for i in range(count)]
    return {"gpu": name, "gpus": json.dumps(each), "nccl_version": "2.28.9", "transport": "nccl_send_recv", "ranks_on_one_gpu": 1, "representative": 1}


def make(path, *, models=("m",), texts=("text",), modes=("replay",), strategies=STRATEGIES[:4], seed=0, slow=None, root=None, schema="1.2", uniform=None, **more):
    """`slow`: strategy -> factor of its times. `uniform`: (bytes, seconds) of uniform exchanges, as the calibration keeps them. Returns the keys of the cases."""
    random, keys = np.random.default_rng(seed), []
    with h5py.File(path, "w") as file:
        file.attrs.update({"schema_version": schema, "created_utc": "2026-01-02T03:04:05Z", "program_version": "0.1.0", "git_state": "abc", "command_line": "moewire measure",
                           "seed": 0, "host": "here", "cpu": "Imagined 9000", "gpu": "none", "cores": 8, "ranks": more.get("ranks", 4), "nodes": 1, "transport": "mpi",
                           "mpi_version": "Open MPI v4.1.4", "environment": json.dumps({"OMPI_MCA_x": "1"}), **(root or {})})
        if uniform is not None:
            calibration = file.create_group("calibration")
            calibration.attrs["model"] = "line"
            put(calibration, "busiest_bytes", np.array([b for b, _ in uniform], float), "bytes", ["point"])
            put(calibration, "p50_s", np.array([s for _, s in uniform], float), "s", ["point"])
        for model in models:
            file.create_group(f"models/{re.sub('[^A-Za-z0-9._-]', '-', model)}").attrs.update({"name": model, "synthetic": 0, "arm": "base"})
            for text in texts:
                for mode in modes:
                    for strategy in strategies:
                        keys.append(add_case(file, random, model=model, text=text, plan=text, mode=mode, strategy=strategy,
                                             slow=(slow or {}).get(strategy, 1.0), **more))
    return keys
