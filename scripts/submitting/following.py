"""Progress of a submitted job until its end."""

import re
import subprocess
import time
from pathlib import Path

from .site import Refusal

UNDER_WAY = {"PENDING", "RUNNING", "COMPLETING", "CONFIGURING", "REQUEUED", "SUSPENDED", "RESIZING", "REQUEUE_HOLD", "SIGNALING", "STAGE_OUT", "STOPPED", "REQUEUE_FED"}


def states_of(job: str) -> dict:
    """task (or the job itself): (state, exit code, file of its output)."""
    done = subprocess.run(["scontrol", "-o", "show", "job", job], capture_output=True, text=True)
    if done.returncode:
        raise Refusal(4, f"Slurm knows job {job} no more ({done.stderr.strip()}); look at its output file")
    found = {}
    for line in done.stdout.splitlines():
        fields = dict(re.findall(r"(\w+)=(\S*)", line))
        name = f"{fields['ArrayJobId']}_{fields['ArrayTaskId']}" if "ArrayTaskId" in fields else fields["JobId"]
        state = fields["JobState"]
        if state == "PENDING" and fields.get("Reason", "None") != "None":
            state += f" ({fields['Reason']})"
        found[name] = (state, int(fields["ExitCode"].split(":")[0]), fields.get("StdOut", ""))
    return found


def last_line(file: str) -> str:
    try:
        lines = [line for line in Path(file).read_text(errors="replace").splitlines() if line.strip()]
    except OSError:
        return ""
    return lines[-1][:120] if lines else ""


def cases_done(folder: Path) -> str:
    done = len(list(folder.glob("task-*.h5")))
    return f"{done} tasks finished"


def follow(job: str, folder=None, pause_s: float = 1.0) -> int:
    """Prints every change. Returns 0 when all ended well, else 4."""
    told = None
    while True:
        states = states_of(job)
        now = {name: state for name, (state, _, _) in states.items()}
        words = ", ".join(f"{name} {state}" for name, state in sorted(now.items()))
        line = words + (f"; {cases_done(folder)}" if folder else "".join(f"; {last_line(out)}" for _, _, out in states.values()))
        if line != told:
            print(line, flush=True)
            told = line
        if not any(state.partition(" ")[0] in UNDER_WAY for state in now.values()):
            return 0 if all(state == "COMPLETED" for state in now.values()) else 4
        time.sleep(pause_s)
