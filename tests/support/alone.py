"""A test in a process namespace of its own: when it ends, however it ends, every process that it started is gone.

Daemons, jobs and emulated hosts outlive a test that is killed (a time-out ends it by SIGKILL, and no clean-up runs);
here the kernel ends them with it. What it mounts is seen, and is there, as long as it runs.
"""

import os
import shutil
import signal
import subprocess
import sys

MARK = "MOEWIRE_ALONE"


def why_not() -> str:
    """Why there can be no namespaces here; empty: there can."""
    if os.geteuid() != 0:
        return "hosts are emulated by namespaces, which needs root"
    for tool in ("unshare", "nsenter", "ip", "mount", "mpirun"):
        if shutil.which(tool) is None:
            return f"no {tool} here"
    probe = "ip link add br0 type bridge && ip link add v0 type veth peer name v1 && hostname probe"
    done = subprocess.run(["unshare", "--net", "--uts", "--pid", "--mount", "--mount-proc", "--fork", "sh", "-c", probe], capture_output=True, text=True)
    return "" if done.returncode == 0 else f"no namespaces here ({done.stderr.strip()})"


def enter():
    """Starts this program again, as the only one in its namespace; returns in that one, or at once where there can be none."""
    if os.environ.get(MARK) == "init":
        os.environ[MARK] = "inside"
        _watch_over(os.fork())
    elif MARK not in os.environ and not why_not():
        os.environ[MARK] = "init"
        words = ["unshare", "--pid", "--fork", "--kill-child", "--mount", "--mount-proc", sys.executable, *sys.argv]
        sys.stdout.flush()
        os.execvp(words[0], words)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # an end by `timeout` removes files too


def _watch_over(child: int):
    """The first process of a namespace is the parent of all orphans: without one that waits for them they would count as alive."""
    if child == 0:
        return
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda number, _: os.kill(child, number))
    while True:
        pid, status = os.wait()
        if pid == child:
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
