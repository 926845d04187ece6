"""The scripts: set-up without rights, the trace reader, figures, skeletons."""

import os
import re
import subprocess
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from support import made_trace
from support.program import PROGRAM, ROOT, ProgramTest, run

sys.path.insert(0, str(ROOT / "scripts"))
import moewire_trace


class SetUp(ProgramTest):
    def test_missing_packages_without_rights_give_the_line_to_type(self):
        """dpkg-query that knows no package, and MOEWIRE_NO_APT: nothing is installed, the line is printed."""
        tools = self.scratch / "bin"
        tools.mkdir()
        (tools / "dpkg-query").write_text("#!/bin/sh\nexit 1\n")
        (tools / "dpkg-query").chmod(0o755)
        done = subprocess.run([ROOT / "scripts" / "setup.sh"], capture_output=True, text=True,
                              env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "MOEWIRE_NO_APT": "1"})
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("apt-get install -y --no-install-recommends build-essential", done.stderr)

    def test_a_torch_that_is_none_is_refused(self):
        done = subprocess.run([ROOT / "scripts" / "setup.sh"], capture_output=True, text=True,
                              env={**os.environ, "MOEWIRE_TORCH_DIR": str(self.scratch), "MOEWIRE_NO_APT": "1"})
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("libtorch_cpu.so", done.stderr)

    def test_scripts_pass_shellcheck_where_it_is(self):
        try:
            done = subprocess.run(["shellcheck", "-x", *sorted((ROOT / "scripts").glob("*.sh")), *sorted((ROOT / "slurm").glob("*.s*"))], cwd=ROOT,
                                  capture_output=True, text=True)
        except FileNotFoundError:
            self.skipTest("no shellcheck here")
        self.assertEqual(done.returncode, 0, done.stdout)


    def test_a_visit_to_gpus_is_refused_before_it_begins(self):
        tools = self.scratch / "tools"
        tools.mkdir()
        (tools / "nvidia-smi").write_text("#!/bin/sh\nexit 9\n")  # as without a driver
        (tools / "nvidia-smi").chmod(0o755)
        environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "MOEWIRE": PROGRAM}
        environment.pop("RANKS", None)
        for step, more, code, fragment in (("caliber", {"RANKS": "2"}, 2, "unknown step 'caliber'"), ("calibrate", {}, 3, "no GPU is listed")):
            done = subprocess.run([ROOT / "scripts" / "bench_gpus.sh", self.scratch / "visit", step], capture_output=True, text=True,
                                  env={**environment, **more})
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertIn(fragment, done.stderr)

    def test_a_visit_finds_late_and_dead_ranks_and_says_what_watching_adds(self):
        visit = self.scratch / "visit"
        done = subprocess.run([ROOT / "scripts" / "bench_gpus.sh", visit, "watching", "late"], capture_output=True, text=True, timeout=280,
                              env={**os.environ, "MOEWIRE": PROGRAM, "RANKS": "2", "DEVICE": "cpu", "TRANSPORT": "mpi", "DTYPE": "float32", "WATCHED": "64", "WATCHED_ITERATIONS": "4",
                                   "WATCHED_MODEL": "tiny-phimoe", "MOEWIRE_PYTHON": sys.executable, "MPIRUN": "mpirun --oversubscribe --bind-to none --timeout 200"})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("| what is left of the permutation when counts are known | dispatches |", (visit / "watching" / "report" / "report.md").read_text())
        said = (visit / "late" / "said.txt").read_text()
        for delay in ("50 us", "250 us", "1 ms"):
            self.assertIn(f"rank 1 was made {delay} late on purpose", said)
        self.assertRegex(said, r"rank 0 of 2: asked to end while .+ waits for its peers(.|\n)*SIGKILL to one rank; the job ended with code 137")
        self.assertRegex(said, r"rank 0 of 2: .+ did not end within 10 s(.|\n)*SIGSTOP to one rank; the job ended with code 4")


class Reader(ProgramTest):
    def test_foreign_files_are_refused(self):
        with self.assertRaisesRegex(moewire_trace.TraceError, "cannot be read"):
            moewire_trace.Trace(self.write("a.h5", "text"))

    def test_summary_of_a_trace(self):
        self.ok("measure", "--tokens_per_rank", 64, "--window", 64, "--iterations", 4, "--output", self.scratch / "run.h5")
        done = subprocess.run([sys.executable, ROOT / "scripts" / "moewire_trace.py", self.scratch / "run.h5"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("4 cases", done.stdout)
        trace = moewire_trace.Trace(self.scratch / "run.h5")
        self.assertEqual(trace.cases[0].exchange_s().shape, (4,))


class Recipes(ProgramTest):
    def setUp(self):
        super().setUp()
        made_trace.make(self.scratch / "run.h5", modes=("replay", "in_model"), iterations=12)

    def python(self, *arguments):
        return subprocess.run([sys.executable, *map(str, arguments)], capture_output=True, text=True, cwd=self.scratch,
                              env={**os.environ, "PYTHONPATH": str(ROOT / "scripts")})

    def test_every_recipe_of_the_reader_runs(self):
        recipes = re.split(r"\n\d\. ", moewire_trace.__doc__)[1:]
        self.assertEqual(len(recipes), 5)
        for recipe in recipes:
            code = textwrap.dedent("\n".join(line for line in recipe.splitlines()[1:] if line.startswith("    ")))
            done = self.python("-c", code)
            self.assertEqual(done.returncode, 0, recipe + done.stderr)
            self.assertGreaterEqual(len(done.stdout.splitlines()), 4, recipe)

    def test_the_main_figure(self):
        figure = self.scratch / "figure.png"
        done = self.python(ROOT / "scripts" / "main_figure.py", "run.h5", figure)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(figure.read_bytes()[:8], b"\x89PNG\r\n\x1a\n")
        made_trace.make(self.scratch / "none.h5", models=())
        for source, why in (("none.h5", "no measured case"), ("gone.h5", "cannot be read")):
            done = self.python(ROOT / "scripts" / "main_figure.py", source, figure)
            self.assertEqual(done.returncode, 2)
            self.assertIn(why, done.stderr)


class Figures(ProgramTest):
    def test_bad_sources_get_a_message(self):
        done = subprocess.run([sys.executable, ROOT / "scripts" / "plot.py", "trace", self.scratch / "none.h5", "--output", self.scratch], capture_output=True, text=True)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("no file", done.stderr)


class Documents(ProgramTest):
    def test_every_command_of_the_readme_is_known(self):
        """Commands of the README exist, and every long option that it shows is one of that command's."""
        text = (ROOT / "README.md").read_text()
        for command, rest in re.findall(r"moewire (\w+)((?:[^\n`\\]|\\\n)*)", "\n".join(re.findall(r"```\w*\n(.*?)```", text, re.DOTALL))):
            shown = run(command, "--help")
            self.assertEqual(shown.returncode, 0, command)
            for option in re.findall(r"--[\w-]+", rest):
                self.assertIn(option, shown.stdout, f"moewire {command} {option}")


if __name__ == "__main__":
    unittest.main()
