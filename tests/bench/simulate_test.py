"""moewire simulate: the seed's study to the byte, described machines, traffic from elsewhere, files for other simulators."""

import json
import re
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from program import FIXTURES, ROOT, ProgramTest

sys.path.insert(0, str(ROOT / "scripts"))
from moewire_trace import Trace

MATRIX = [[0, 4096, 1024, 64], [512, 0, 0, 2048], [16, 32, 0, 1 << 20], [0, 0, 160, 0]]


class Simulation(ProgramTest):
    def simulate(self, *arguments):
        printed = self.ok("simulate", "--no_plots", "--output_dir", self.scratch / "out", *arguments)
        return self.json(self.scratch / "out" / "simulation_results.json"), printed

    def matrix(self):
        return self.write("bytes.txt", "\n".join(" ".join(map(str, row)) for row in MATRIX) + "\n")


class TheSeed(Simulation):
    def test_its_flags_leave_its_file_to_the_byte(self):
        golden = FIXTURES / "simulate" / "seed.json"
        self.ok("simulate", "--num_tokens", 512, "--num_experts", 8, "--num_gpus", 4, "--bandwidth", 100, "--latency", 1.0,
                "--imbalance_levels", 0.0, 0.5, "--seeds", 5, "--output_dir", self.scratch, "--no_plots")
        self.assertEqual((self.scratch / "simulation_results.json").read_bytes(), golden.read_bytes())

    def test_its_questions_are_answered(self):
        told, printed = self.simulate("--seeds", 20)
        times = {level: told[f"imbalance_{level}"]["overall_max_time"] for level in ("0.00", "0.20", "0.50", "0.80")}
        self.assertIn(f"rises with imbalance, {times['0.80'] / times['0.00']:.2f} times from Gini 0.00", printed)
        self.assertIn("over 20 sampled routings P99 goes from", printed)
        saved = [float(part) for part in re.findall(r"([\d.]+) % \(eplb_pack\)", printed)]
        self.assertEqual(len(saved), 4)
        self.assertEqual(saved[0], 0)
        for part in saved[1:]:
            self.assertGreater(part, 10)
        self.assertIn(f"found at {sum(20 <= part <= 50 for part in saved)} of 3 uneven loads", printed)


class Machines(Simulation):
    def test_every_described_machine_is_simulated(self):
        for file in sorted((ROOT / "bench" / "topologies").glob("*.toml")):
            with self.subTest(machine=file.stem):
                described = re.search(r"^ranks = (\d+)$", file.read_text(), re.MULTILINE)
                ranks = min(int(described.group(1)), 64) if described else 16
                told, _ = self.simulate("--topology", file.stem, "--ranks", ranks, "--num_experts", 128, "--seeds", 2, "--imbalance_levels", 0.2)
                one, = told["results"]
                self.assertEqual((one["ranks"], one["strategy"], one["cost_model"]), (ranks, "contiguous", "bound"))
                self.assertGreater(one["time_s"], 0)

    def test_foreign_descriptions_are_machines_too(self):
        net = self.write("net.yml", "topology: [ Ring, Switch ]\nnpus_count: [ 4, 2 ]\nbandwidth: [ 50.0, 25.0 ]\nlatency: [ 500, 700 ]\n")
        told, _ = self.simulate("--topology", net, "--seeds", 2)
        self.assertEqual({one["ranks"] for one in told["results"]}, {8})

    def test_one_call_sweeps_ranks_bandwidth_and_imbalance(self):
        told, printed = self.simulate("--topology", "two_nodes_100g", "--ranks", 16, 32, "--bandwidths", 100, 400, "--num_experts", 64,
                                      "--imbalance_levels", 0.0, 0.6, "--strategies", "contiguous,eplb_pack", "--seeds", 3,
                                      "--cost_model", "bound,seed")
        cells = {(one["ranks"], one["bandwidth_gbit_per_s"], one["imbalance_gini"], one["strategy"], one["cost_model"]): one["time_s"]
                 for one in told["results"]}
        self.assertEqual(len(cells), 32)
        for (ranks, bandwidth, level, strategy, model), time_s in cells.items():
            if bandwidth == 400 and model == "bound":
                self.assertLessEqual(time_s, cells[ranks, 100, level, strategy, model])
            if level == 0.6 and strategy == "eplb_pack":
                self.assertLess(time_s, cells[ranks, bandwidth, level, "contiguous", model])
        self.assertIn("the maximum rises with imbalance", printed)
        self.assertIn("sampled routings P99 goes from", printed)
        self.assertIn("balanced assignment saves 0.0 % (eplb_pack) at gini 0.00", printed)
        self.assertIn("32 ranks take", printed)
        self.assertIn("4 times the bandwidth make it", printed)

    def test_layers_of_nccl_stand_between_the_bound_and_each_other(self):
        told, _ = self.simulate("--topology", "dgx_h100_2_nodes", "--ranks", 16, "--num_experts", 64, "--num_tokens", 65536, "--imbalance_levels", 0.0, 0.5,
                                "--cost_model", "bound,closed_form,flow,chunk", "--seeds", 2, "--bandwidths", 200, 400)
        cells = {(one["bandwidth_gbit_per_s"], one["imbalance_gini"], one["cost_model"]): one for one in told["results"]}
        self.assertEqual(len(cells), 16)
        for (bandwidth, level, model), one in cells.items():
            self.assertGreaterEqual(one["time_s"], cells[bandwidth, level, "bound"]["time_s"])
            if model != "bound":
                self.assertEqual(one["evidence"], "assumed")
                self.assertLess(abs(one["time_s"] / cells[bandwidth, level, "flow"]["time_s"] - 1), 0.3, (bandwidth, level, model))
        # 2.28 takes LL up to more bytes than 2.30: the version matters where messages are short.
        small = ("--topology", "hgx_h100", "--num_tokens", 1024, "--num_experts", 8, "--imbalance_levels", 0.0, "--seeds", 0, "--cost_model", "closed_form")
        old, _ = self.simulate(*small, "--nccl_version", "2.28.9")
        new, _ = self.simulate(*small, "--nccl_version", "2.30.7")
        self.assertNotEqual(old["results"][0]["time_s"], new["results"][0]["time_s"])

    def test_chunks_are_followed_among_few_ranks_alone(self):
        self.refused(3, "takes 64 ranks at most", "simulate", "--no_plots", "--output_dir", self.scratch / "out", "--topology", "nvl72", "--cost_model", "chunk",
                     "--num_experts", 72, "--seeds", 0, "--imbalance_levels", 0.0)

    def test_figures_are_drawn(self):
        self.ok("simulate", "--topology", "flat_100g", "--ranks", 4, 8, "--seeds", 2, "--output_dir", self.scratch)
        self.assertEqual({path.stem for path in (self.scratch / "plots").glob("*.png")}, {"time_against_imbalance_gini", "time_against_ranks"})

    def test_a_hundred_thousand_ranks_are_computed_from_sums(self):
        told, _ = self.simulate("--topology", "dgx_h100_1024_nodes", "--ranks", 100000, "--num_tokens", 10 ** 9, "--imbalance_levels", 0.0, 0.5,
                                "--seeds", 2)
        even, uneven = told["results"]
        self.assertEqual((even["cost_model"], even["evidence"]), ("sums", "bound"))
        # Every rank sends 10,000 tokens twice, 8 KiB each; all but those of its own node leave by its 50 GB/s card.
        leaving = 10000 * 2 * 8192 * (1 - 8 / 100000)
        self.assertAlmostEqual(even["bound_s"] / (2 * leaving / 50e9), 1, places=6)
        self.assertGreater(uneven["bound_s"], 2 * even["bound_s"])


    def test_sums_are_what_the_whole_matrix_says(self):
        for machine, ranks in (("dgx_h100_32_nodes_4to1", 128), ("three_sites", 96), ("nvl72", 144), ("unequal_nodes", 40), ("flat_100g", 64)):
            with self.subTest(machine=machine):
                told, _ = self.simulate("--topology", machine, "--ranks", ranks, "--num_experts", 4 * ranks, "--num_tokens", ranks * 20000,
                                        "--imbalance_levels", 0.0, 0.3, "--strategies", "contiguous,round_robin,eplb_pack", "--cost_model", "bound,sums",
                                        "--seeds", 1)
                cells = {(one["cost_model"], one["source"], one["strategy"]): one for one in told["results"]}
                self.assertEqual(len(cells), 12)
                for (model, source, strategy), one in cells.items():
                    dense = cells["bound", source, strategy]
                    # Tokens are whole where a matrix is dealt.
                    self.assertLess(abs(one["time_s"] / dense["time_s"] - 1), 0.02, (source, strategy))
                    self.assertAlmostEqual(one["dispatch_bytes"] / dense["dispatch_bytes"], 1, places=9)
                    self.assertAlmostEqual(one["dispatch_bytes_between_ranks"] / dense["dispatch_bytes_between_ranks"], 1, places=3)

    def test_placements_are_compared_at_a_hundred_thousand_ranks(self):
        told, _ = self.simulate("--topology", "dgx_h100_1024_nodes", "--ranks", 100000, "--num_experts", 200000, "--num_tokens", 10 ** 8,
                                "--imbalance_levels", 0.2, "--strategies", "contiguous,eplb_pack", "--seeds", 1)
        contiguous, packed = told["results"]
        self.assertLess(packed["time_s"], contiguous["time_s"])


class Traffic(Simulation):
    def test_a_matrix_is_predicted_and_exported_whole(self):
        for name in ("goal", "htsim", "chakra", "ns3", "simai"):
            self.simulate("--matrix", self.matrix(), "--topology", "flat_100g", "--export", name)
        out = self.scratch / "out"
        expected = {(s, d): n for s, row in enumerate(MATRIX) for d, n in enumerate(row) if s != d and n > 0}
        found = {(int(s), int(d)): int(n) for s, d, n in re.findall(r"(\d+)->(\d+) id \d+ start 0 size (\d+)", (out / "exchange_0_layer_0.cm").read_text())}
        self.assertEqual(found, expected)
        sends, rank = {}, None
        for line in (out / "exchange_0_layer_0.goal").read_text().splitlines():
            if match := re.fullmatch(r"rank (\d+) \{", line):
                rank = int(match.group(1))
            if match := re.fullmatch(r"l\d+: send (\d+)b to (\d+) tag 0", line):
                sends[rank, int(match.group(2))] = int(match.group(1))
        self.assertEqual(sends, expected)
        self.assertEqual(len(list(out.glob("*.et"))), 4)
        self.assertEqual((out / "exchange_0_layer_0.ns3.txt").read_text().splitlines()[0], "5 1 4")

    def test_profiles_of_pytorch_are_traffic(self):
        for rank, (sends, gets) in enumerate((([1, 2], [1, 3]), ([3, 0], [2, 0]))):
            args = {"Collective name": "all_to_allv", "Group size": 2, "dtype": "BFloat16", "In split size": str(sends), "Out split size": str(gets),
                    "In msg nelems": 4096 * sum(sends), "Out msg nelems": 4096 * sum(gets)}
            self.write(f"{rank}.json", json.dumps({"distributedInfo": {"rank": rank}, "traceEvents": [{"name": "record_param_comms", "ts": 1, "args": args}]}))
        told, _ = self.simulate("--kineto", self.scratch / "0.json", self.scratch / "1.json", "--topology", "h200_pair")
        one, = told["results"]
        self.assertAlmostEqual(one["bound_s"], 2 * 3 * 8192 / 450e9, places=15)
        self.assertEqual((one["dispatch_bytes"], one["dispatch_bytes_between_ranks"]), (6 * 8192, 5 * 8192))

    def test_what_is_exported_is_imported_whole(self):
        asked = ("--topology", "dgx_h100_2_nodes", "--num_experts", 32, "--num_tokens", 4096, "--imbalance_levels", 0.4, "--seeds", 1)
        out = self.scratch / "out"
        for name, ending in (("goal", ".goal"), ("htsim", ".cm"), ("chakra", ".et"), ("matrix", ".matrix.txt")):
            told, printed = self.simulate(*asked, "--export", name)
            one, = told["results"]
            self.assertIn(f"read back, the same: 16 ranks, {one['dispatch_bytes_between_ranks']:.0f} bytes in", printed)
            files = sorted(out.glob("exchange_0_layer_0*" + ending))
            again, _ = self.simulate("--topology", "dgx_h100_2_nodes", "--import", *files)
            back, = again["results"]
            self.assertEqual((back["time_s"], back["dispatch_bytes_between_ranks"]), (one["time_s"], one["dispatch_bytes_between_ranks"]), name)
            for file in files:
                file.unlink()
        for name in ("ns3", "simai"):
            _, printed = self.simulate(*asked, "--export", name)
            self.assertRegex(printed, r"read back, the same: \d+ cables of")

    def test_controls_and_popularity_conserve_their_tokens(self):
        for traffic in (("--control", "zipf"), ("--control", "hot_rank:share=0.7"), ("--imbalance_levels", 0.6)):
            told, _ = self.simulate("--num_tokens", 500, "--num_experts", 24, "--top_k", 3, "--hidden_size", 64, "--ranks", 8, "--topology", "hgx_h100",
                                    "--strategies", "contiguous,eplb_replicated,hierarchical", "--seeds", 2, *traffic)
            for one in told["results"]:
                self.assertEqual(one["dispatch_bytes"], 500 * 3 * 64 * 2, one)
                self.assertLess(one["dispatch_bytes_between_ranks"], one["dispatch_bytes"])
                self.assertGreater(one["p99_s"], 0)

    def test_a_measured_trace_elsewhere_is_transferred(self):
        trace = self.scratch / "run.h5"
        self.ok("measure", "--model", "tiny-phimoe", "--dataset", "control:zipf", "--strategies", "contiguous,eplb_pack",
                "--mode", "replay", "--tokens_per_rank", 64, "--window", 32, "--iterations", 3, "--calibration_iterations", 4, "--topology", "flat_100g",
                "--output", trace, ranks=2)
        told, _ = self.simulate("--trace", trace, "--topology", "h200_pair")
        self.assertEqual({one["evidence"] for one in told["results"]}, {"transferred"})
        self.assertEqual(len(told["results"]), 2)
        cases = {case["strategy"]: case for case in Trace(trace).cases}
        for one in told["results"]:
            self.assertEqual(one["measured_on"], "flat_100g")
            self.assertGreater(one["measured_s"], 0)
            self.assertEqual(one["dispatch_bytes"], cases[one["strategy"]].data["traffic_bytes"].sum())
        told, printed = self.simulate("--trace", trace, "--topology", "flat_100g")
        self.assertEqual({one["evidence"] for one in told["results"]}, {"bound"})
        for one in told["results"]:
            predicted = cases[one["strategy"]].data
            self.assertAlmostEqual(one["bound_s"], sum(predicted[f"predicted/{way}/bound_s"].sum() for way in ("dispatch", "combine")), places=12)
        self.assertNotIn("transferred", printed)
        # The line that was fitted there, and the prediction that was written there.
        told, _ = self.simulate("--trace", trace, "--topology", "flat_100g", "--cost_model", "line")
        for one in told["results"]:
            predicted = cases[one["strategy"]].data
            for key in ("time_s", "low_s", "high_s"):
                kept = key.replace("time_", "")
                written = sum(predicted[f"predicted/{way}/line_{kept}"].sum() for way in ("dispatch", "combine"))
                self.assertAlmostEqual(one[key] / written, 1, places=9)
            self.assertIn(one["evidence"], ("calibrated", "extrapolated"))
        told, _ = self.simulate("--trace", trace, "--topology", "h200_pair", "--cost_model", "line")
        self.assertEqual({one["evidence"] for one in told["results"]}, {"transferred"})
        told, printed = self.simulate("--trace", trace, "--topology", "flat_100g", "--bandwidths", 200)
        self.assertEqual({one["evidence"] for one in told["results"]}, {"transferred"})
        self.assertIn("measured on flat_100g", printed)
        told, _ = self.simulate("--trace", trace, "--topology", "hgx_h100", "--ranks", 4, 8, "--strategies", "contiguous,eplb_pack")
        self.assertEqual([(one["ranks"], one["evidence"]) for one in told["results"]], [(4, "transferred")] * 2 + [(8, "transferred")] * 2)
        # Routing x Assignment: every token of every rank moves, whoever serves it.
        moved = cases["contiguous"].data["expert_load_tokens"].sum() * cases["contiguous"]["row_bytes"]
        self.assertEqual([one["dispatch_bytes"] for one in told["results"]], [2 * moved] * 2 + [4 * moved] * 2)


class Refusals(Simulation):
    def test_impossible_questions_are_refused(self):
        def refused(fragment, *arguments):
            self.refused(2, fragment, "simulate", "--no_plots", "--output_dir", self.scratch / "out", *arguments)
        refused("closes a cycle", "--topology", self.write("cycle.toml", 'name = "c"\ndescription = "d"\n' + "".join(
            f'[[site]]\nname = "{s}"\nnodes = 1\n' for s in "ab") + '[[link]]\nfrom = "a"\nto = "b"\nbytes_per_s = 1\n' * 2))
        refused("is disconnected from", "--topology", self.write("missing.toml", 'name = "c"\ndescription = "d"\n' + "".join(
            f'[[site]]\nname = "{s}"\nnodes = 1\n' for s in "abc") + '[[link]]\nfrom = "a"\nto = "b"\nbytes_per_s = 1\n'))
        refused("link[0].bytes_per_s is -1", "--topology", self.write("negative.toml", 'name = "c"\ndescription = "d"\n' + "".join(
            f'[[site]]\nname = "{s}"\nnodes = 1\n' for s in "ab") + '[[link]]\nfrom = "a"\nto = "b"\nbytes_per_s = -1\n'))
        refused("is no version of NCCL", "--cost_model", "flow", "--nccl_version", "new")
        refused("the rules of NCCL 2.4.8 are not known", "--cost_model", "closed_form", "--nccl_version", "2.4.8")
        refused("dgx_h100_2_nodes", "--topology", "nowhere")
        refused("goal, htsim", "--matrix", self.matrix(), "--export", "nothing")
        refused("cannot be stretched", "--matrix", self.matrix(), "--ranks", 8)
        refused("exclude each other", "--matrix", self.matrix(), "--control", "zipf")
        refused("planned already", "--matrix", self.matrix(), "--strategies", "eplb_pack")
        refused("sums alone", "--ranks", 100000, "--cost_model", "bound")
        refused("makes copies", "--ranks", 100000, "--strategies", "eplb_replicated")
        refused("imposed popularity alone", "--matrix", self.matrix(), "--cost_model", "sums")
        refused("exclude each other", "--matrix", self.matrix(), "--import", "x.goal")
        refused("ends in nothing known", "--import", self.matrix())
        refused("which machine?", "--ranks", 2, 4, "--export", "goal", "--seeds", 1)
        for flag, value in (("num_tokens", 0), ("num_tokens", 10 ** 18), ("num_experts", -4), ("top_k", 0), ("hidden_size", 10 ** 15),
                            ("bandwidth", "nan"), ("latency", -1)):
            refused(f"--{flag} is", f"--{flag}", value)
            refused(f"--{flag} is", f"--{flag}", value, "--topology", "flat_100g")
        self.assertFalse((self.scratch / "out" / "simulation_results.json").exists(), "nothing may be left of what was refused")
        refused("distinct experts", "--control", "zipf", "--top_k", 17)
        refused("would take gigabytes", "--ranks", 2048, "--num_experts", 400000)
        refused("would take minutes", "--control", "zipf", "--num_tokens", 10 ** 10)
        refused("beyond what can be counted", "--ranks", 4, "--num_tokens", 10 ** 12, "--hidden_size", 10 ** 7)
        refused("nothing carries that", "--topology", self.write("absurd.toml", 'name = "a"\ndescription = "d"\n[rank]\nout_bytes_per_s = 1e30\n'))
        refused("not an HDF5 file", "--trace", self.write("torn.h5", "torn"))
        refused("is not closed", "--import", self.write("torn.goal", "num_ranks 2\nrank 0 {\nl1: send 8b to 1 tag 0\n"))
        refused("describes a machine", "--import", self.write("x.ns3.txt", "3 1 2\n2\n0 2 100Gbps 0.001ms 0\n1 2 100Gbps 0.001ms 0\n"))
        refused("no link carries that", "--bandwidths", -100)
        refused("no link carries that", "--bandwidths", 0)
        refused("whole", "--ranks", 1.5)
        refused("cut short", "--matrix", self.write("m.txt", "1 2\n"))
        refused("no whole number", "--topology", "pcie_box", "--ranks", 16, "--export", "htsim", "--seeds", 1)
        refused("experts", "--ranks", 64, "--num_experts", 16, "--seeds", 1)


if __name__ == "__main__":
    unittest.main()
