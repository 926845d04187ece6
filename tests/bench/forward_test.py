"""How fast is the model itself? The command's figures hold together, at one rank and several, real weights and made-up."""

import json
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from support.program import ProgramTest, run

SMALL = ("--repeat", 3, "--warm_up", 1, "--json")


class Forward(ProgramTest):
    def figures(self, *arguments, ranks=1):
        done = run("forward", *arguments, *SMALL, ranks=ranks)
        self.assertEqual(done.returncode, 0, done.stderr)
        out = json.loads(done.stdout)
        self.assertGreater(out["least_s"], 0)
        self.assertGreaterEqual(out["median_s"], out["least_s"])
        tokens = out["sequences"] * out["positions"] * out["ranks"]
        self.assertAlmostEqual(out["tokens_per_s"] * out["median_s"] / tokens, 1, places=9)
        self.assertEqual(out["ranks"], ranks)
        return out

    def test_prefill_and_decode_with_one_rank_and_two(self):
        for ranks in (1, 2):
            out = self.figures("--model", "tiny-phimoe", "--sequences", 2, "--positions", 32, ranks=ranks)
            self.assertFalse(out["synthetic"])
            self.assertGreater(out["read_bytes"], 0)
            out = self.figures("--model", "tiny-phimoe", "--phase", "decode", "--sequences", 3, "--context", 20, ranks=ranks)
            self.assertEqual((out["positions"], out["context"]), (1, 20))

    def test_made_up_weights_are_said_to_be(self):
        out = self.figures("--model", "synth:olmoe-1b-7b", "--layers", 1, "--dtype", "bfloat16", "--sequences", 1, "--positions", 8)
        self.assertTrue(out["synthetic"])
        self.assertEqual((out["layers"], out["read_bytes"]), (1, 0))

    def test_bad_input_is_refused(self):
        for arguments, code, fragment in ((("--phase", "both"), 2, "use prefill or decode"), (("--device", "tpu"), 2, "use cpu or cuda"),
                                          (("--sequences", 0), 2, "--sequences is 0"), (("--dtype", "int8"), 2, "int8")):
            done = run("forward", "--model", "tiny-phimoe", *arguments)
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertIn(fragment, done.stderr)
            self.assertEqual(done.stderr.count("error"), 1, done.stderr)

    def test_a_gpu_that_is_not_there_waives(self):
        done = run("forward", "--model", "tiny-phimoe", "--device", "cuda", *SMALL)
        if done.returncode != 0:  # with a GPU it runs
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertIn("no GPU can be used", done.stderr)


if __name__ == "__main__":
    unittest.main()
