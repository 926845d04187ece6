#!/usr/bin/env python3
"""Submits moewire's commands to Slurm, from the same flags as the commands themselves.

  scripts/submit.py [options] study   --output FOLDER  [options of `moewire study`]
  scripts/submit.py [options] measure --output RUN.h5  [options of `moewire measure`]
  scripts/submit.py [options] array   --output FOLDER  [options of `moewire measure`]   one job a text and mode
  scripts/submit.py [options] finetune --output_dir FOLDER [options of `moewire finetune`]
  scripts/submit.py [options] gpu_tests
  scripts/submit.py collect FOLDER                      merges an array's traces into FOLDER/run.h5

Checks what can be checked beforehand, prints the sbatch line, and submits it with --submit. What differs between
clusters stands in slurm/site.sh. Exit codes: 0 done, 2 bad usage, 3 it cannot work, 4 the job failed, 5 gaps.
"""

import argparse
import re
import shlex
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from submitting import checks, following
from submitting.site import ROOT, Refusal, Site

COMMANDS = {"study": "study", "measure": "measure", "array": "measure", "finetune": "finetune", "gpu_tests": None}


def parse(arguments: list):
    words = argparse.ArgumentParser(prog="submit.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--nodes", type=int, default=2)
    words.add_argument("--ranks_per_node", "--ranks-per-node", type=int, default=4)
    words.add_argument("--gpus_per_node", "--gpus-per-node", type=int, default=0, help="one a rank, when the command says --device cuda")
    words.add_argument("--time", default="", help="as sbatch has it, 02:00:00; default: the script's own")
    words.add_argument("--sbatch", default="", help="further options of sbatch in one word: --sbatch='--qos=high --exclude=n7'")
    words.add_argument("--estimate_from", "--estimate-from", default="", metavar="RUN.h5", help="a trace of a similar run: is the time enough?")
    words.add_argument("--mpi_if", "--mpi-if", default="", help="network interface, instead of slurm/site.sh's")
    words.add_argument("--submit", action="store_true", help="submit, not only print")
    words.add_argument("--test_only", "--test-only", action="store_true", help="let Slurm say whether and when it could run")
    words.add_argument("--wait", "--follow", action="store_true", dest="wait", help="submit, and show progress until the end")
    words.add_argument("what", choices=[*COMMANDS, "collect"])
    words.add_argument("command", nargs=argparse.REMAINDER, help="options of the command")
    return words.parse_args(arguments)


def option_value(command: list, name: str, default: str = "") -> str:
    value = default
    for at, word in enumerate(command):
        head, equals, tail = word.partition("=")
        if head.startswith("--") and head[2:].replace("-", "_") == name:
            value = tail if equals else command[at + 1] if at + 1 < len(command) else ""
    return value


def without_option(command: list, name: str) -> list:
    kept, skip = [], False
    for word in command:
        head, equals, _ = word.partition("=")
        if skip:
            skip = False
        elif head.startswith("--") and head[2:].replace("-", "_") == name:
            skip = not equals
        else:
            kept.append(word)
    return kept


def families(command: list) -> list:
    """One line of options for every text, plan text and mode."""
    rest = command
    axes = []
    for name, default in (("dataset", "drama"), ("plan_dataset", ""), ("mode", "replay")):
        axes.append([(name, value) for value in option_value(command, name, default).split(",")])
        rest = without_option(rest, name)
    for word in rest:
        if re.search(r"\s", word):
            raise Refusal(2, f"the option '{word}' holds a space (a line of cases.txt is cut at spaces); write it without")
    lines = []
    for dataset in axes[0]:
        for plan in axes[1]:
            for mode in axes[2]:
                chosen = [f"--{name} {value}" for name, value in (dataset, plan, mode) if value]
                lines.append(" ".join([*chosen, *rest]))
    return lines


def write_cases(folder: Path, lines: list):
    file = folder / "cases.txt"
    text = "\n".join(lines) + "\n"
    if file.exists() and file.read_text() != text:
        raise Refusal(2, f"{file} lists other cases (traces of two arrays would mix); choose another --output")
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def sbatch_line(options, site: Site, script_arguments: list, tasks: int) -> list:
    line = ["sbatch", f"--nodes={options.nodes}", f"--ntasks-per-node={options.ranks_per_node}"]
    if options.gpus_per_node:
        line.append(f"--gres={site.value('MOEWIRE_GRES', 'gpu')}:{options.gpus_per_node}")
        if site.value("MOEWIRE_GPU_PARTITION"):
            line.append(f"--partition={site.value('MOEWIRE_GPU_PARTITION')}")
    if options.time:
        line.append(f"--time={options.time}")
    if options.what == "array":
        line.append(f"--array=0-{tasks - 1}")
    exports = [f"MOEWIRE_HOME={ROOT}"]
    if options.mpi_if:
        exports += [f"MOEWIRE_MPI_IF={options.mpi_if}"]
    line += [f"--export=ALL,{','.join(exports)}", *shlex.split(options.sbatch), str(ROOT / "slurm" / f"{options.what}.sbatch"), *script_arguments]
    return line


def prepare(options, site: Site) -> list:
    """Checks, and returns the sbatch line."""
    command = [word for word in options.command if word != "--"]
    if options.what == "gpu_tests":
        options.gpus_per_node = options.gpus_per_node or options.ranks_per_node
        return sbatch_line(options, site, command, 0)
    checks.known_options(site, COMMANDS[options.what], command)
    name = "output_dir" if options.what == "finetune" else "output"
    output = option_value(command, name)
    if not output:
        raise Refusal(2, f"no --{name} was named (a requeued job must find what it left); add it")
    output = Path(output).absolute()
    folder = output.parent if options.what == "measure" else output
    checks.writable(folder)
    checks.shared(site, folder, options.nodes)
    checks.gpus(options, option_value(command, "device", "cpu"))
    checks.memory(site, options, command, option_value)
    checks.time_limit(options, command, option_value, default=checks.script_time(options.what))
    rest = without_option(command, name)
    if options.what != "array":
        return sbatch_line(options, site, [f"--{name}", str(output), *rest], 0)
    lines = families(rest)
    if options.submit or options.wait or options.test_only:
        write_cases(output, lines)
    return sbatch_line(options, site, [str(output)], len(lines))


def collect(site: Site, folder: Path) -> int:
    cases = folder / "cases.txt"
    if not cases.exists():
        raise Refusal(2, f"no {cases} (it says which tasks there are); name the folder of an array")
    tasks = [folder / f"task-{task}.h5" for task in range(len(cases.read_text().splitlines()))]
    part = folder / "run.collected.h5"
    part.unlink(missing_ok=True)  # of a collection that was cut off
    done = subprocess.run([site.program(), "trace", "merge", part, *tasks])
    if part.exists():
        part.rename(folder / "run.h5")
        print(f"collected into {folder / 'run.h5'}")
    return done.returncode


def main(arguments: list) -> int:
    options = parse(arguments)
    site = Site()
    if options.what == "collect":
        if len(options.command) != 1:
            raise Refusal(2, "collect takes one folder; name the --output of the array")
        return collect(site, Path(options.command[0]))
    line = prepare(options, site)
    print(shlex.join(map(str, line)), flush=True)
    if options.test_only:
        return subprocess.run([line[0], "--test-only", *line[1:]], env=site.environment()).returncode
    if not options.submit and not options.wait:
        print("not submitted: add --submit, or type the line", file=sys.stderr)
        return 0
    done = subprocess.run([line[0], "--parsable", *line[1:]], capture_output=True, text=True, env=site.environment())
    if done.returncode:
        raise Refusal(3, f"sbatch refused the job ({done.stderr.strip()}); change the options, or ask the administrator")
    job = done.stdout.strip().split(";")[0]
    print(f"job {job}", flush=True)
    return following.follow(job, Path(line[-1]) if options.what == "array" else None) if options.wait else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Refusal as refusal:
        print(f"submit: {refusal}", file=sys.stderr)
        sys.exit(refusal.code)
