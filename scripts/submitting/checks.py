"""What can be known before a job waits in a queue for hours. Each check throws a Refusal, or prints a line."""

import json
import os
import re
import statistics
import subprocess
from pathlib import Path

from .site import ROOT, Refusal, Site

SHARED_TYPES = ("nfs", "lustre", "gpfs", "beegfs", "ceph", "fuse", "panfs", "pvfs", "orangefs", "afs", "9p", "smb", "cifs", "wekafs", "quobyte")


def note(text: str):
    print(f"check: {text}", flush=True)


def known_options(site: Site, command: str, arguments: list):
    """The program's own help lists every option."""
    try:
        done = subprocess.run([site.program(), command, "--help"], capture_output=True, text=True, timeout=60)
    except OSError as problem:
        raise Refusal(3, f"cannot start {site.program()} ({problem}); build it, or set MOEWIRE_PROGRAM in slurm/site.sh")
    if done.returncode or f"Usage: moewire {command}" not in done.stdout:
        raise Refusal(3, f"{site.program()} has no command {command}; build a newer one")
    known = set(re.findall(r"--[\w-]+", done.stdout))
    for word in arguments:
        name = word.partition("=")[0]
        if name.startswith("--") and name not in known:
            raise Refusal(2, f"`moewire {command}` has no option {name} (the job would end at once); see `moewire {command} --help`")


def nearest(folder: Path) -> Path:
    """The folder itself, or what is there of its path."""
    while not folder.exists():
        folder = folder.parent
    return folder


def writable(folder: Path):
    if not os.access(nearest(folder), os.W_OK | os.X_OK):
        raise Refusal(3, f"nothing can be written into {nearest(folder)} (the job would find no place for its results); choose another folder")


def file_system(folder: Path) -> str:
    return subprocess.run(["stat", "-f", "-c", "%T", nearest(folder)], capture_output=True, text=True).stdout.strip()


def shared(site: Site, folder: Path, nodes: int):
    kind = file_system(folder)
    prefixes = [prefix for prefix in site.value("MOEWIRE_SHARED_FOLDERS").split(":") if prefix]
    if any(folder.is_relative_to(prefix) for prefix in prefixes):
        return note(f"{folder} is shared, says slurm/site.sh")
    if kind.startswith(SHARED_TYPES):
        return note(f"{folder} lies on {kind}, which nodes share")
    if nodes > 1:
        raise Refusal(3, f"{folder} lies on {kind} (other nodes would not see it, and a requeued job not find it); choose a shared folder, or name it "
                         "in MOEWIRE_SHARED_FOLDERS of slurm/site.sh")
    note(f"{folder} lies on {kind}: a requeued job finds it only on the same node")


def gpus(options, device: str):
    if device == "cuda" and not options.gpus_per_node:
        raise Refusal(2, "--device cuda needs GPUs (none are asked for); add --gpus_per_node")
    if options.gpus_per_node and device != "cuda":
        raise Refusal(2, f"{options.gpus_per_node} GPUs a node would idle (the command computes on the CPU); add --device cuda to the command")
    if options.gpus_per_node and options.ranks_per_node > options.gpus_per_node:
        raise Refusal(2, f"{options.ranks_per_node} ranks would share {options.gpus_per_node} GPUs of a node (no time would mean anything); use "
                         f"--ranks_per_node {options.gpus_per_node}")


def memory(site: Site, options, command: list, option_value):
    """The model's need of a rank, by `moewire doctor`, against what a rank gets."""
    on_gpu = options.gpus_per_node > 0
    given = site.value("MOEWIRE_GPU_MEMORY_GIB" if on_gpu else "MOEWIRE_NODE_MEMORY_GIB")
    if not given:
        return note(f"memory not checked: slurm/site.sh does not say {'MOEWIRE_GPU_MEMORY_GIB' if on_gpu else 'MOEWIRE_NODE_MEMORY_GIB'}")
    rank_gib = float(given) / (1 if on_gpu else options.ranks_per_node)
    words = [site.program(), "doctor", "--json", "--model", option_value(command, "model", "tiny-phimoe"), "--dtype", option_value(command, "dtype", "float32"),
             "--ranks", str(options.nodes * options.ranks_per_node), "--device_memory", str(rank_gib)]
    if option_value(command, "layers"):
        words += ["--layers", option_value(command, "layers")]
    if options.what == "finetune":
        words.append("--train")
    done = subprocess.run(words, capture_output=True, text=True)
    try:
        plan = json.loads(done.stdout)
    except ValueError:
        raise Refusal(done.returncode or 3, f"the memory cannot be planned ({done.stderr.strip()}); mend the command")
    need_gib = plan["rank_total_bytes"] / 2**30
    if not plan["fits"]:
        raise Refusal(3, f"a rank needs {need_gib:.1f} GiB and gets {rank_gib:.1f} (it would be killed); {'; '.join(plan['advice'][:2])}")
    note(f"memory: a rank needs {need_gib:.2f} GiB and gets {rank_gib:.1f}")


def script_time(what: str) -> str:
    return re.search(r"--time=(\S+)", (ROOT / "slurm" / f"{what}.sbatch").read_text()).group(1)


def seconds(text: str) -> float:
    """sbatch's forms: MM, MM:SS, HH:MM:SS, D-HH, D-HH:MM, D-HH:MM:SS."""
    match = re.fullmatch(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?", text)
    if not match:
        raise Refusal(2, f"--time {text} is no time; write it as 02:00:00")
    days, *parts = match.groups()
    parts = [int(part) for part in parts if part is not None]
    if days is not None:
        parts += [0] * (3 - len(parts))
    elif len(parts) == 1:
        parts = [0, parts[0], 0]
    elif len(parts) == 2:
        parts = [0, *parts]
    return int(days or 0) * 86400 + parts[0] * 3600 + parts[1] * 60 + parts[2]


def estimated_seconds(trace_file: str, iterations: int, groups: int) -> float:
    """Of the earlier run's iterations, for as many groups."""
    import sys
    sys.path.insert(0, str(ROOT / "scripts"))
    import h5py
    total_s, names = 0.0, set()
    with h5py.File(trace_file) as file:
        for one in file.get("cases", {}).values():
            took = one.get("measured/iteration_host_s")
            if took is None:
                continue
            total_s += iterations * statistics.median(took[:].max(axis=1))
            names.add(one.attrs.get("group", one.name))
    return total_s / max(1, len(names)) * groups


def time_limit(options, command: list, option_value, default: str):
    limit_s = seconds(options.time or default)
    if not options.estimate_from:
        return note(f"time limit {limit_s:.0f} s not checked: name a trace of a similar run by --estimate_from")
    try:
        iterations = int(option_value(command, "iterations", "50"))
        groups = 1
        if options.what != "array":
            for name, usual in (("dataset", "drama"), ("plan_dataset", ""), ("mode", "replay")):
                groups *= len(option_value(command, name, usual).split(","))
        estimate_s = estimated_seconds(options.estimate_from, iterations, groups)
    except (OSError, ImportError, ValueError) as problem:
        raise Refusal(2, f"{options.estimate_from} gives no estimate ({problem}); name a trace of moewire, and use .venv/bin/python")
    if estimate_s > limit_s:
        raise Refusal(3, f"the samples alone take about {estimate_s:.0f} s, the limit is {limit_s:.0f} s (the job would be requeued again and again); raise "
                         "--time, or use fewer --iterations")
    note(f"time: samples take about {estimate_s:.0f} s of {limit_s:.0f} s")
