// What does NCCL cost on a described machine that nobody calibrated? Assumed numbers, each with its source;
// capacities and latencies are the machine's own.
#pragma once

#include <optional>
#include <vector>

#include "simulate/nccl_rules.hpp"
#include "topology/topology.hpp"

namespace moewire {

struct NcclCosts {
    int version = 22809;
    // As its log says them; without it 24, what it finds on NVSwitch machines, and 4 on PCIe.
    std::optional<int> collective_channels;

    // Host calls and launch of one group. Source: nccl-tests alltoall_perf on two H200, NCCL 2.28.9: about 20
    // us up to 1 MiB; captured in a CUDA graph 6 us.
    double launch_s = 20e-6;
    // The launch hides behind a long kernel: (launch^p + kernel^p)^(1/p). Assumed.
    double sharpness = 4;

    // Before the first byte moves. Source: NVIDIA/nccl v2.28.9-1, src/graph/tuning.cc, baseLatencies and
    // hwLatencies of rings: NVLink, PCIe, network.
    double base_ll_s = 6.6e-6, base_simple_s = 8.4e-6;
    double nvlink_ll_s = 0.6e-6, nvlink_simple_s = 3.4e-6;
    double pcie_ll_s = 1.0e-6, pcie_simple_s = 5.7e-6;
    double network_ll_s = 2.7e-6, network_simple_s = 14.0e-6;

    // One channel that all threads work for. Source: 301 GB/s over 16 channels, the same alltoall_perf.
    double channel_bytes_per_s = 301e9 / 16;
    // Parts of what links carry on paper. Source: 343 of 450 GB/s at 1 GiB, the same; PCIe 48 of 63
    // (src/graph/topo.h). Network: assumed, headers and pauses.
    double node_efficiency = 343.0 / 450;
    double network_efficiency = 0.95;
};

// The same job among the ranks and nodes of a topology; links and versions stay.
NcclJob among_ranks(NcclJob job, Topology const& topology);

// A machine as NCCL's rules and these costs see it. Links are taken for NVLink where a rank's port carries
// more than PCIe 5.0 x16.
class NcclMachine {
  public:
    // Throws: usage (source "nccl"), for a version whose rules are not known.
    NcclMachine(Topology const& topology, NcclCosts const& costs);

    NcclRules const& rules() const { return rules_; }

    // What the resource reaches of its capacity. Shape: [resource]. Unit: bytes per second.
    std::vector<double> const& rates_bytes_per_s() const { return rates_bytes_per_s_; }

    // One message that is cut over `channels`, each of which `sharing` messages use. Unit: bytes per second.
    double message_bytes_per_s(int channels, int sharing) const;
    // All channels of a rank together.
    double rank_bytes_per_s() const;

    // From the launch to the first byte, but for the way itself; then the way of one protocol. Unit: seconds.
    double base_s(NcclProtocol protocol) const;
    double hop_s(NcclProtocol protocol) const;

    // Launch and kernel, one behind the other where they are long.
    double with_launch_s(double kernel_s) const;

  private:
    NcclCosts costs_;
    NcclJob job_;
    NcclRules rules_;
    std::vector<double> rates_bytes_per_s_;
};

}  // namespace moewire
