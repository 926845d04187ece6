"""A calibration is frozen, kept in the trace, refused where it does not belong; a trace is compared with it."""

import re
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from support.program import ProgramTest

QUICK = ("--iterations", 5, "--most_bytes", "128K")


class Calibrate(ProgramTest):
    def calibrated(self, ranks=2, *arguments):
        path = self.scratch / "machine.toml"
        self.ok("calibrate", "--output", path, *QUICK, *arguments, ranks=ranks)
        return path

    def test_samples_of_every_probe_are_kept(self):
        for ranks in (2, 4):
            path = self.calibrated(ranks)
            text = path.read_text()
            samples = self.json(f"{path}.samples.json")
            self.assertIn(f'digest = "{samples["calibration_digest"]}"', text)
            names = re.findall(r'\[\[probe\]\]\nname = "(.*)"', text)
            self.assertEqual([probe["name"] for probe in samples["probes"]], names)
            for probe in samples["probes"]:
                self.assertEqual(len(probe["times_s"]), 5)
                self.assertEqual([len(row) for row in probe["bytes"]], [ranks] * ranks)
            self.assertIn(f'"ranks" = "{ranks}"', text)

    def test_one_rank_alone_is_waived(self):
        self.refused(3, "one rank alone", "calibrate", "--output", self.scratch / "x.toml")

    def test_nonsense_is_refused(self):
        self.refused(2, "--iterations", "calibrate", "--iterations", 1, ranks=2)
        self.refused(2, ".toml", "calibrate", "--output", "x.txt", ranks=2)
        self.refused(2, "unknown topology", "calibrate", "--topology", "nowhere", "--output", self.scratch / "x.toml", ranks=2)


if __name__ == "__main__":
    unittest.main()
