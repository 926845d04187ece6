"""A real Slurm over emulated hosts: a login node with munge and the controller, nodes with a daemon each, GPUs that are none.

All state lies in one scratch folder. Nothing in /etc is read or written, no service of the machine is used.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from . import alone
from .hosts import Hosts

PACKAGES = ("slurmctld", "slurmd", "slurm-client", "munge")
PORT = 17400


def why_not() -> str:
    """Installs what is missing. Why there can be no Slurm here; empty: there can."""
    if all(shutil.which(tool) for tool in ("slurmctld", "slurmd", "sbatch", "munged")):
        return ""
    if os.geteuid() != 0 or shutil.which("apt-get") is None or os.environ.get("MOEWIRE_NO_APT"):
        return "Slurm is not installed, and may not be"
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "SYSTEMD_OFFLINE": "1"}  # no service is started
    apt = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=120"]  # another installation may be under way
    for words in (["update"], ["install", "-y", "--no-install-recommends", *PACKAGES]):
        done = subprocess.run([*apt, *words], capture_output=True, text=True, env=environment)
    return "" if done.returncode == 0 else f"Slurm cannot be installed ({done.stderr.strip().splitlines()[-1:]})"


class Slurm:
    """`nodes` hosts, node0 and so on, and one more that users log in to."""

    def __init__(self, nodes: int, scratch: Path, cpus: int = 8, gpus: int = 2, down_after_s: int = 10):
        self.nodes, self.folder, self.gpus = nodes, Path(scratch) / "slurm", gpus
        # Plain srun would start by chance otherwise: see slurm/common.sh.
        self.environment = {**os.environ, "SLURM_CONF": str(self.folder / "slurm.conf"), "SLURM_PMIX_FENCE": "ring"}
        self.hosts = Hosts([*(f"node{i}" for i in range(nodes)), "login"], Path(scratch) / "hosts")
        try:
            self._configure(cpus, down_after_s)
            self._start()
        except BaseException:
            self.close()
            raise

    def _configure(self, cpus: int, down_after_s: int):
        f, last = self.folder, self.nodes - 1
        for name in ("ctld", "log", "run", "munge", "spool"):
            (f / name).mkdir(parents=True, exist_ok=True)
        for folder in (f, *f.parents):
            if folder.stat().st_uid == os.geteuid() and len(folder.parts) > 2:
                folder.chmod(0o755)  # munge trusts no folder that others may not enter, or may write
        (f / "munge" / "munge.key").write_bytes(os.urandom(1024))
        (f / "munge" / "munge.key").chmod(0o400)
        (f / "munge").chmod(0o711)
        gres = ""
        if self.gpus:
            for i in range(self.gpus):
                subprocess.run(["mknod", f / f"gpu{i}", "c", "1", "3"], check=True)  # Slurm wants device files
            gres = f"Gres=gpu:{self.gpus}"
            (f / "gres.conf").write_text(f"NodeName=node[0-{last}] Name=gpu File={f}/gpu[0-{self.gpus - 1}]\n")
        (f / "cgroup.conf").write_text("CgroupAutomount=no\nCgroupPlugin=cgroup/v1\n")
        settings = {
            "ClusterName": "tests", "SlurmctldHost": f"login({Hosts.address(self.nodes)})", "SlurmctldPort": PORT + 1, "SlurmdPort": PORT, "SlurmUser": "root",
            "SlurmdUser": "root", "AuthType": "auth/munge", "AuthInfo": f"socket={f}/munge/socket", "CredType": "cred/munge",
            "StateSaveLocation": f / "ctld", "SlurmctldPidFile": f / "run/slurmctld.pid", "SlurmctldLogFile": f / "log/slurmctld.log",
            "SlurmdPidFile": f / "run/slurmd-%n.pid", "SlurmdLogFile": f / "log/slurmd-%n.log", "SlurmdSpoolDir": f / "spool/%n",
            "TmpFS": f / "spool/%n/tmp", "ProctrackType": "proctrack/linuxproc", "TaskPlugin": "task/none",
            "JobAcctGatherType": "jobacct_gather/none", "SwitchType": "switch/none", "MpiDefault": "pmix", "SelectType": "select/cons_tres",
            "SelectTypeParameters": "CR_Core", "SchedulerType": "sched/backfill", "SlurmdParameters": "config_overrides",
            "SchedulerParameters": "sched_min_interval=100000,batch_sched_delay=0,sched_interval=1,bf_interval=1", "ReturnToService": 2,
            "SlurmctldTimeout": 30, "SlurmdTimeout": down_after_s, "KillWait": 3, "MinJobAge": 300, "GresTypes": "gpu" if self.gpus else "",
            "PreemptType": "preempt/partition_prio", "PreemptMode": "REQUEUE"}
        addresses = ",".join(Hosts.address(i) for i in range(self.nodes))
        nodes = (f"NodeName=node[0-{last}] NodeAddr={addresses} CPUs={cpus} Boards=1 SocketsPerBoard=1 CoresPerSocket={cpus} "
                 f"ThreadsPerCore=1 RealMemory=4000 {gres} State=UNKNOWN\n")
        partitions = ("PartitionName=main Nodes=ALL Default=YES MaxTime=720 State=UP PriorityTier=1 GraceTime=20\n"
                      "PartitionName=urgent Nodes=ALL MaxTime=30 State=UP PriorityTier=9 PreemptMode=OFF\n")
        (f / "slurm.conf").write_text("".join(f"{key}={value}\n" for key, value in settings.items() if value != "") + nodes + partitions)

    def _start(self):
        f = self.folder
        self._daemon([*self.hosts.enter(self.nodes), "munged", f"--key-file={f}/munge/munge.key", f"--socket={f}/munge/socket", f"--pid-file={f}/munge/pid",
                      f"--seed-file={f}/munge/seed", f"--log-file={f}/log/munged.log", "--num-threads=2"])
        self._daemon([*self.hosts.enter(self.nodes), "slurmctld", "-i", "-f", str(f / "slurm.conf")])
        for i in range(self.nodes):
            self.start_node(i)
        if not self.wait_idle():
            raise AssertionError("the nodes did not come up\n" + "".join(log.read_text()[-2000:] for log in (f / "log").iterdir()))

    def _daemon(self, line: list):
        done = subprocess.run(line, capture_output=True, text=True, env=self.environment)
        if done.returncode:
            raise AssertionError(f"{line}: {done.stderr}")

    def start_node(self, node: int):
        """As after a start of the machine: what Slurm left on its disk is gone (sockets of lost steps would stop new ones)."""
        spool = self.folder / "spool" / f"node{node}"
        shutil.rmtree(spool, ignore_errors=True)
        (spool / "tmp").mkdir(parents=True)
        self.hosts.cable(node, "up")
        self._daemon([*self.hosts.enter(node), "slurmd", "-f", str(self.folder / "slurm.conf"), "-N", f"node{node}"])

    def wait_idle(self, limit_s: float = 40) -> bool:
        return self.wait(lambda: len(set(self.call("sinfo", "-h", "-N", "-t", "idle", "-o", "%N").split())) == self.nodes, limit_s)

    @staticmethod
    def wait(condition, limit_s: float, pause_s: float = 0.2) -> bool:
        end = time.monotonic() + limit_s
        while time.monotonic() < end:
            if condition():
                return True
            time.sleep(pause_s)
        return False

    def run(self, *words, **settings):
        """On the login node."""
        settings.setdefault("env", self.environment)
        settings.setdefault("cwd", self.folder.parent)
        return self.hosts.run(self.nodes, *words, **settings)

    def call(self, *words) -> str:
        done = self.run(*words)
        if done.returncode:
            raise AssertionError(f"{words}: {done.stdout}{done.stderr}")
        return done.stdout

    def states(self, job: str) -> list:
        return re.findall(r"JobState=(\w+)", self.run("scontrol", "-o", "show", "job", job).stdout)

    def facts(self, job: str) -> dict:
        return dict(re.findall(r"(\w+)=(\S*)", self.call("scontrol", "-o", "show", "job", job).splitlines()[0]))

    def finish(self, job: str, limit_s: float = 120) -> list:
        """States at the end of all tasks; a job that hangs is cancelled and fails the test."""
        ended = lambda: all(s not in ("PENDING", "RUNNING", "COMPLETING", "CONFIGURING", "REQUEUED") for s in self.states(job))
        if not self.wait(ended, limit_s):
            self.run("scancel", job)
            raise AssertionError(f"job {job} did not end: {self.states(job)}\n{self.run('scontrol', 'show', 'job', job).stdout}")
        return self.states(job)

    def start_now(self, job: str):
        """A requeued job waits two minutes by Slurm's own rule; this one three seconds: within the second of its end, the
        nodes take it for the one that was revoked."""
        begins = time.mktime(time.strptime(self.facts(job)["EligibleTime"], "%Y-%m-%dT%H:%M:%S")) if self.states(job) == ["PENDING"] else 0
        if begins > time.time() + 10:
            self.run("scontrol", "update", f"JobId={job}", "StartTime=now+3seconds")

    def ranks_on(self, node: int) -> list:
        """Process ids of the program."""
        found = []
        for pid in self.hosts.processes(node):
            try:
                if Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode(errors="replace") == os.environ["MOEWIRE_PROGRAM"]:
                    found.append(pid)
            except OSError:
                continue
        return found

    def close(self):
        self.hosts.close()  # daemons and jobs run on hosts, all of them


def whole_groups(journal: Path) -> dict:
    """name of the group: what the journal says of its cases, of groups that were measured as a whole."""
    cases = {}
    for line in journal.read_text(errors="replace").splitlines() if journal.exists() else []:
        try:
            record = json.loads(line)
        except ValueError:
            continue  # being written, or cut off
        if record["path"].startswith("/cases/"):
            one = cases.setdefault(record["path"], {"attributes": {}, "datasets": {}})
            one["attributes"].update(record["attributes"])
            one["datasets"].update({dataset["name"]: dataset for dataset in record["datasets"]})
    groups = {}
    for path, one in sorted(cases.items()):
        if one["attributes"]["status"] in ("ok", "waived"):
            groups.setdefault(one["attributes"]["group"], []).append(json.dumps([path, one], sort_keys=True))
    size_of = {one["attributes"]["group"]: one["attributes"]["group_size"] for one in cases.values()}
    return {name: lines for name, lines in groups.items() if len(lines) == size_of[name]}


def write_site(scratch: Path, manners: dict) -> Path:
    """What slurm/site.sh would say of these hosts."""
    site = scratch / "site.sh"
    site.write_text(f"MOEWIRE_PROGRAM={os.environ['MOEWIRE_PROGRAM']}\nMOEWIRE_MPI_IF=eth0\nMOEWIRE_SHARED_FOLDERS={scratch}\n"
                    "MOEWIRE_NODE_MEMORY_GIB=16\nexport OMPI_MCA_btl=self,vader,tcp OMPI_MCA_mpi_yield_when_idle=1\n"
                    "export OMPI_MCA_hwloc_base_binding_policy=none OMPI_MCA_rmaps_base_oversubscribe=1\n" + "".join(f"export {name}={value}\n" for name, value in manners.items()))
    return site


class SlurmTest(unittest.TestCase):
    """`nodes` hosts with a Slurm, for all tests of a class."""

    nodes = 2
    down_after_s = 10  # the time that Slurm waits for a node that is silent, at least

    @classmethod
    def setUpClass(cls):
        reason = alone.why_not() or why_not()
        if reason:
            raise unittest.SkipTest(reason)
        scratch_folder = tempfile.TemporaryDirectory(prefix="moewire-slurm-", dir="/tmp", ignore_cleanup_errors=True)
        cls.addClassCleanup(scratch_folder.cleanup)
        cls.scratch = Path(scratch_folder.name)
        cls.slurm = Slurm(cls.nodes, cls.scratch, down_after_s=cls.down_after_s)
        cls.addClassCleanup(cls.slurm.close)
        cls.hosts = cls.slurm.hosts
        cls.site = write_site(cls.scratch, cls.hosts.manners)
        cls.slurm.environment["MOEWIRE_SITE"] = str(cls.site)

    def submit(self, *words):
        """scripts/submit.py on the login node."""
        return self.slurm.run(sys.executable, Path(os.environ["MOEWIRE_HOME"]) / "scripts" / "submit.py", *words, cwd=self.scratch)

    def job_of(self, done) -> str:
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return re.search(r"^job (\d+)$", done.stdout, re.MULTILINE).group(1)

    def output_of(self, job: str) -> str:
        return "".join(file.read_text(errors="replace") for file in sorted(self.scratch.glob(f"*{job}*.out")))
