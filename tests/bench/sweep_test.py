"""One exchange, size after size: figures hold together, files are read and written, nonsense is refused."""

import csv
import json
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from support.program import ProgramTest

QUICK = ("--iterations", 4, "--warmups", 1)
TINY = ("--sizes", "1K", *QUICK)


class Sweep(ProgramTest):
    def figures(self, *arguments, ranks=0):
        out = json.loads(self.ok("sweep", "--json", *arguments, ranks=ranks))
        n = max(ranks, 1)
        self.assertEqual(out["ranks"], n)
        self.assertEqual([rung["name"] for rung in out["rungs"][:2]], ["nothing", "self only"])
        self.assertEqual([rung["port_bytes"] for rung in out["rungs"][:2]], [0, 0])
        for rung in out["rungs"]:
            self.assertEqual((len(rung["times_us"]), len(rung["rank_times_us"])), (rung["iterations"], n), rung["name"])
            self.assertEqual(rung["times_us"], [max(column) for column in zip(*rung["rank_times_us"])])
            middle = sorted(rung["times_us"])[(rung["iterations"] + 1) // 2 - 1]
            self.assertEqual(rung["p50_us"], middle)
            self.assertLessEqual(rung["fastest_rank_us"], middle)
            if rung["kind"] != "floor" and middle > 0:
                self.assertAlmostEqual(rung["algbw_gb_per_s"] * middle * 1e3 / rung["size_bytes"], 1, places=6)
                self.assertAlmostEqual(rung["busbw_gb_per_s"], rung["algbw_gb_per_s"] * (n - 1) / n)
        return out

    def test_the_ladder_holds_sizes_off_powers_of_two(self):
        for ranks in (0, 1, 2, 4):
            for cadence in ("isolated", "chained"):
                out = self.figures("--max_bytes", "4K", "--cadence", cadence, *QUICK, ranks=ranks)
                sizes = [rung["size_bytes"] for rung in out["rungs"][2:]]
                for power in (1024, 2048, 4096):
                    self.assertIn(power, sizes)
                odd = [size for size in sizes if size & (size - 1)]
                self.assertEqual(len(odd), 2, sizes)
                for size in odd:
                    self.assertEqual(size // max(ranks, 1) // 16 % 2, 1)  # odd rows for each peer
                self.assertEqual((out["cadence"], out["exchange"]), (cadence, "mpi" if ranks > 1 else "loopback"))

    def test_sizes_are_rounded_down_for_each_peer_as_in_nccl_tests(self):
        out = self.figures("--sizes", "1000,2K,1001", *QUICK, ranks=4)
        self.assertEqual([rung["size_bytes"] for rung in out["rungs"][2:]], [4 * (250 // 16 * 16), 2048])  # 1000 and 1001 are equal

    def test_rows_round_too(self):
        out = self.figures("--sizes", "10000", "--row_bytes", 1024, *QUICK, ranks=2)
        self.assertEqual([rung["size_bytes"] for rung in out["rungs"][1:]], [1024, 2 * 4096])

    def test_the_rule_says_what_ended_it(self):
        out = self.figures("--sizes", "1K", "--iterations", 7)
        self.assertEqual({rung["ended_by"] for rung in out["rungs"]}, {"iterations"})
        out = self.figures("--sizes", "64K", "--iterations", 100000, "--until_width", 99, ranks=2)
        self.assertEqual(out["rungs"][2]["ended_by"], "width")
        self.assertLess(out["rungs"][2]["iterations"], 100000)
        out = self.figures("--sizes", "4M", "--iterations", 1000000, "--max_seconds", 0.05, ranks=2)
        self.assertEqual(out["rungs"][2]["ended_by"], "time")

    def test_matrices_are_read_and_written(self):
        matrix = self.write("m.txt", "0 1600\n\n320 64\n")
        copy = self.scratch / "copy.txt"
        out = self.figures("--matrix", matrix, "--write_matrix", copy, *QUICK, ranks=2)
        self.assertEqual([(r["kind"], r["size_bytes"], r["port_bytes"]) for r in out["rungs"][2:]], [("matrix", 1664, 1600)])
        self.assertEqual(copy.read_text(), "0 1600\n320 64\n")
        out = self.figures("--matrix", matrix, copy, "--sizes", "2K", "--matrix_scale", 2, *QUICK, ranks=2)
        self.assertEqual([r["size_bytes"] for r in out["rungs"][2:]], [2048, 2 * 1664, 2 * 1664])

    def test_shapes_send_what_their_tokens_need(self):
        """128 tokens of each of 4 ranks, top 8 of 256 experts, 7168 elements of 2 bytes."""
        row = 2 * 7168
        even = self.scratch / "even.txt"
        out = self.figures("--shape", "deepseek-v3-decode", "--write_matrix", even, "--iterations", 1, ranks=4)
        self.assertEqual(even.read_text(), (" ".join([str(128 * 8 // 4 * row)] * 4) + "\n") * 4)
        self.assertEqual(out["rungs"][2]["size_bytes"], 128 * 8 * row)
        out = self.figures("--shape", "deepseek-v3-decode", "--control", "round_robin,hot_rank:share=0.5", "--payload", "per_expert,per_rank",
                           "--iterations", 1, ranks=2)
        sizes = {tuple(r["name"].split()[1:]): r["size_bytes"] for r in out["rungs"][2:]}
        self.assertEqual(len(sizes), 4)
        self.assertEqual(sizes["round_robin", "per_rank"], 2 * 128 * row)  # every token to both ranks, once
        self.assertGreaterEqual(sizes["hot_rank:share=0.5", "per_expert"], sizes["round_robin", "per_expert"])

    def test_a_shape_of_ones_own(self):
        shape = self.write("mine.toml", "hidden = 64\nexperts = 4\ntop_k = 1\ntokens_per_rank = 8\n")
        out = self.figures("--shape", shape, *QUICK, ranks=2)
        self.assertEqual(out["rungs"][2]["size_bytes"], 8 * 128)

    def test_files_of_results(self):
        self.ok("sweep", *TINY, "--output", self.scratch / "new" / "a.json", ranks=2)
        self.assertEqual([r["name"] for r in self.json(self.scratch / "new" / "a.json")["rungs"]], ["nothing", "self only", "1 KiB"])
        text = self.ok("sweep", *TINY, "--output", self.scratch / "a.csv")
        for word in ("loopback over 1 ranks", "set-up: exchange made", "self only", "95 % interval", "busbw"):
            self.assertIn(word, text)
        rows = list(csv.DictReader((self.scratch / "a.csv").read_text().splitlines()))
        self.assertEqual([row["name"] for row in rows], ["nothing", "self only", "1 KiB"])
        self.assertEqual((rows[2]["size_bytes"], rows[2]["iterations"], rows[2]["exchange"]), ("1024", "4", "loopback"))

    def test_shapes_are_listed(self):
        shapes = json.loads(self.ok("list", "--json"))["shapes"]
        for name in ("deepseek-v3-prefill", "deepseek-v3-decode", "qwen3-30b", "mixtral-8x7b", "phi-3.5-moe", "olmoe"):
            self.assertRegex(shapes[name], r"^hidden \d+, \d+ experts, top \d, 2 bytes an element, [\d,]+ tokens a rank$")


class Refusals(ProgramTest):
    def test_numbers_and_names_that_make_no_sense(self):
        for fragment, *arguments in (
                ("unknown name 'warp'", "--exchange", "warp"), ("unknown cadence", "--cadence", "sometimes"),
                ("above 1 TiB", "--sizes", "2000G"), ("above 1 TiB", "--sizes", "99999999999999999999999"), ("no size", "--sizes", "big"),
                ("no size", "--min_bytes", "-1"), ("is 0", "--sizes", "0"), ("no size", "--sizes", "1KB"),
                ("holds no row", "--sizes", "8"), ("a rank's part of this host's memory", "--sizes", "900G"),
                ("is above --max_bytes", "--min_bytes", "2K", "--max_bytes", "1K"), ("--factor is 1", "--factor", 1),
                ("--iterations is 0", "--iterations", 0), ("--until_width", "--until_width", 100), ("--max_seconds", "--max_seconds", -1),
                ("no multiple of 16", "--row_bytes", 24), ("--row_bytes is 0", "--row_bytes", 0), ("--timeout_s", "--timeout_s", 0),
                ("add --shape", "--control", "zipf"), ("unknown shape", "--shape", "huge"), ("unknown name 'even'", "--shape", "olmoe", "--control", "even"),
                ("unknown name 'box'", "--shape", "olmoe", "--payload", "box"), ("neither in .json", "--output", "a.txt"),
                ("/proc/nowhere", "--output", "/proc/nowhere/a.json"), ("writes one matrix", "--write_matrix", "m.txt"),
                ("--allocator is malloc", "--allocator", "malloc"), ("--allocator nccl is for memory of GPUs", "--allocator", "nccl")):
            self.refused(2, fragment, "sweep", *arguments)

    def test_every_rank_leaves_in_order(self):
        self.refused(3, "one rank only", "sweep", "--exchange", "loopback", ranks=2)
        self.refused(2, "unknown name 'warp'", "sweep", "--exchange", "warp", ranks=2)
        self.refused(2, "a rank's part", "sweep", "--sizes", "900G", ranks=2)
        self.refused(2, "8 experts on 9 ranks", "sweep", "--shape", "mixtral-8x7b", ranks=9)

    def test_matrices_of_other_ranks_or_none(self):
        matrix = self.write("two.txt", "1 2\n3 4\n")
        self.refused(2, "two.txt is for 2 ranks (there are 1)", "sweep", "--matrix", matrix)
        self.refused(2, "two.txt is for 2 ranks (there are 4)", "sweep", "--matrix", matrix, ranks=4)
        for text, fragment in (("1 2\n3\n", "rows must be equal"), ("-1", "fewer than 0"), ("1e18", "1 PiB"), ("", "no number"), ("a", "numbers alone")):
            self.refused(2, fragment, "sweep", "--matrix", self.write("bad.txt", text))
        self.refused(2, "cannot read", "sweep", "--matrix", self.scratch / "none.txt", ranks=2)
        self.refused(2, "positive factor", "sweep", "--matrix", self.write("one.txt", "64"), "--matrix_scale", 0)

    def test_shapes_that_are_none(self):
        for text, fragment in (("hidden = 0\nexperts = 4\ntop_k = 1\ntokens_per_rank = 8\n", "hidden is 0"), ("width = 3\n", "use hidden, experts"),
                               ("hidden = 5\nexperts = 4\ntop_k = 1\ntokens_per_rank = 8\n", "10 bytes"),
                               ("hidden = 64\nexperts = 4\ntop_k = 5\ntokens_per_rank = 8\n", "top_k is 5")):
            self.refused(2, fragment, "sweep", "--shape", self.write("bad.toml", text))


if __name__ == "__main__":
    unittest.main()
