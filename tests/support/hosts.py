"""Several hosts on one machine: each with its own network, host name, shared memory, and a clock of its own if need be.

Everything lives in namespaces of processes that this module starts, and is gone when they end; a bridge in one more
network namespace joins the hosts. No address or interface of the machine itself is touched.
"""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

NET = "10.91.0"


class Hosts:
    """`clock_s`: what each host's monotonic clock is ahead of the machine's."""

    def __init__(self, names: list, scratch: Path, clock_s=None):
        self.names = names
        self.scratch = Path(scratch)
        self.scratch.mkdir(parents=True, exist_ok=True)
        self.holders, self.pids, self.networks = [], [], []
        try:
            self.switch = self._hold("switch", None, 0)
            self._run("nsenter", "-t", self.switch, "-n", "ip", "link", "add", "br0", "type", "bridge")
            self._run("nsenter", "-t", self.switch, "-n", "ip", "link", "set", "br0", "up")
            hosts = self.scratch / "hosts"  # one file, seen by all; hostN tells hosts of one name apart
            hosts.write_text("127.0.0.1 localhost\n" + "".join(f"{self.address(i)} {name} host{i}\n" for i, name in enumerate(names)))
            for i, name in enumerate(names):
                pid = self._hold(name, hosts, clock_s[i] if clock_s else 0)
                self.pids.append(pid)
                self.networks.append(os.readlink(f"/proc/{pid}/ns/net"))
                self._run("ip", "link", "add", "eth0", "netns", pid, "type", "veth", "peer", "name", f"p{i}", "netns", self.switch)
                self._run("nsenter", "-t", self.switch, "-n", "ip", "link", "set", f"p{i}", "master", "br0", "up")
                self._run(*self.enter(i), "ip", "addr", "add", f"{self.address(i)}/24", "dev", "eth0")
                self._run(*self.enter(i), "ip", "link", "set", "eth0", "up")
            self._write_agent()
            self.manners = self._manners()
        except BaseException:
            self.close()
            raise

    @staticmethod
    def address(host: int) -> str:
        return f"{NET}.{10 + host}"

    def _run(self, *words):
        done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{' '.join(map(str, words))}: {done.stderr.strip()}")

    def _hold(self, name: str, hosts, clock_s: float) -> int:
        """A process that does nothing but hold a host's namespaces."""
        clock = ["--time", "--monotonic", str(int(clock_s))] if clock_s else []
        script = 'hostname "$0"; ip link set lo up; mount -t tmpfs -o size=1g tmpfs /dev/shm; [ -z "$1" ] || mount --bind "$1" /etc/hosts; echo $$; exec sleep 100000'
        holder = subprocess.Popen(["unshare", "--net", "--uts", "--mount", *clock, "--fork", "--kill-child", "sh", "-c", script, name, str(hosts or "")],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.holders.append(holder)
        line = holder.stdout.readline()
        if not line.strip():
            raise RuntimeError(f"no namespaces for {name} ({holder.communicate()[1].strip()})")
        return int(line)

    def enter(self, host: int, folder=None) -> list:
        """The start of a command line; `folder`: where it works (by its path on the host)."""
        pid = str(self.pids[host])
        return ["nsenter", "-t", pid, "-n", "-u", "-m", "-T", "--", "sh", "-c", 'cd "$0" && exec "$@"', str(folder or os.getcwd())]

    def _write_agent(self):
        """What mpirun calls in place of ssh: agent HOST COMMAND..."""
        cases = "".join(f"  host{i}) pid={pid} ;;\n" for i, pid in enumerate(self.pids))
        self.agent = self.scratch / "agent.sh"
        self.agent.write_text(f'#!/bin/sh\ncase $1 in\n{cases}esac\nshift\nexec nsenter -t "$pid" -n -u -m -T -- sh -c "$*"\n')
        self.agent.chmod(0o755)

    def _manners(self) -> dict:
        """Environment of ranks: hosts share this machine's cores, so whoever waits must leave them to the others at once."""
        manners = {"OMP_WAIT_POLICY": "passive"}
        nap, compiler = self.scratch / "yield.so", shutil.which("cc")
        if compiler and subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", nap, Path(os.environ["MOEWIRE_HOME"]) / "scripts/netlab_yield.c"]).returncode == 0:
            manners["LD_PRELOAD"] = str(nap)
        return manners

    def run(self, host: int, *words, cwd=None, **settings):
        return subprocess.run([*self.enter(host, cwd), *map(str, words)], capture_output=True, text=True, **settings)

    def mpirun(self, ranks_per_host: int, timeout_s: int = 150, options=(), hosts: int = 0) -> list:
        """The start of a command line; ranks on all hosts (or on the first `hosts`), host by host."""
        count = hosts or len(self.names)
        slots = ",".join(f"host{i}:{ranks_per_host}" for i in range(count))
        return [*self.enter(0), "mpirun", "--host", slots, "-n", str(count * ranks_per_host), "--bind-to", "none", "--timeout", str(timeout_s),
                "--mca", "plm", "rsh", "--mca", "plm_rsh_agent", str(self.agent), "--mca", "plm_rsh_no_tree_spawn", "1",
                "--mca", "oob_tcp_if_include", "eth0", "--mca", "btl", "self,vader,tcp", "--mca", "btl_tcp_if_include", "eth0",
                "--mca", "mpi_yield_when_idle", "1", "-x", "MOEWIRE_HOME", *(word for pair in self.manners.items() for word in ("-x", "=".join(pair))), *options]

    def processes(self, host: int) -> list:
        """Processes in a host's network, but for those that hold it: all of them were started through here."""
        own = {self.pids[host], *(holder.pid for holder in self.holders)}
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and int(entry.name) not in own and os.readlink(entry / "ns/net") == self.networks[host]:
                    found.append(int(entry.name))
            except OSError:
                continue
        return found

    def cable(self, host: int, state: str):
        """`down`: nothing that a host sends arrives, not even the farewells of its connections."""
        self._run("nsenter", "-t", self.switch, "-n", "ip", "link", "set", f"p{host}", state)

    def lose_power(self, host: int):
        """All that runs on a host is gone, unannounced; what a dying process starts too."""
        self.cable(host, "down")
        self._kill_all(host)
        shared = self.run(host, "find", "/dev/shm", "-mindepth", "1", "-delete")
        if shared.returncode:
            raise RuntimeError(shared.stderr)

    def _kill_all(self, host: int):
        end = time.monotonic() + 20
        while left := self.processes(host):
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            if time.monotonic() > end:
                raise RuntimeError(f"processes {left} of {self.names[host]} do not die")
            time.sleep(0.01)

    def close(self):
        for host in range(len(self.pids)):
            self._kill_all(host)
        for holder in self.holders:
            holder.kill()
            holder.communicate()
        self.holders, self.pids = [], []
