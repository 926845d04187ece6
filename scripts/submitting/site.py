"""What slurm/site.sh says of this cluster."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


class Refusal(Exception):
    """Problem (why it is a problem); what to do. With an exit code."""

    def __init__(self, code: int, message: str):
        super().__init__(message)
        self.code = code


class Site:
    """Variables as bash reads them from slurm/site.sh, or from the file that MOEWIRE_SITE names."""

    def __init__(self):
        file = Path(os.environ.get("MOEWIRE_SITE", ROOT / "slurm" / "site.sh"))
        self.environment_ = dict(os.environ)
        self.values = {}
        if not file.exists():
            return
        # In two parts: what the file sets, and what of it is exported (SBATCH_ACCOUNT and its like).
        script = 'set -a; source "$0" && env -0'
        done = subprocess.run(["bash", "-c", script, file], capture_output=True, text=True)
        if done.returncode:
            raise Refusal(2, f"{file} cannot be read ({done.stderr.strip()}); compare it with slurm/site.sh.example")
        for entry in done.stdout.split("\0"):
            name, _, value = entry.partition("=")
            if name.startswith(("MOEWIRE_", "SBATCH_")):
                self.values[name] = value
        self.environment_.update({name: value for name, value in self.values.items() if name.startswith("SBATCH_") and value})
        if "MOEWIRE_SITE" in os.environ:
            self.environment_["MOEWIRE_SITE"] = str(file)

    def value(self, name: str, default: str = "") -> str:
        return self.values.get(name) or os.environ.get(name) or default

    def program(self) -> str:
        return self.value("MOEWIRE_PROGRAM", str(ROOT / "build" / "release" / "bin" / "moewire"))

    def environment(self) -> dict:
        return self.environment_
