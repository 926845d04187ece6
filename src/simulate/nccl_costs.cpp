#include "simulate/nccl_costs.hpp"

#include <algorithm>
#include <cmath>

namespace moewire {
namespace {

constexpr double pcie5_bytes_per_s = 64e9, nvlink_bytes_per_s = 25e9;  // x16; one link since NVLink 2

NcclJob job_of(Topology const& topology, NcclCosts const& costs) {
    auto const& machine = topology.machine();
    NcclJob job = among_ranks({}, topology);
    job.version = costs.version;
    double port = machine.rank_out_bytes_per_s.value_or(0);
    for (auto const& dimension : machine.dimensions) port = std::max(port, dimension.bytes_per_s);
    job.link = port > pcie5_bytes_per_s ? NcclLink::nvlink : NcclLink::pcie;
    job.nvlinks = std::max(1, static_cast<int>(port / nvlink_bytes_per_s));
    job.nics_per_rank = std::max(1, machine.nics_per_node / std::max(1, job.ranks_per_node));
    if (machine.nic_out_bytes_per_s) job.nic_bytes_per_s = *machine.nic_out_bytes_per_s;
    job.collective_channels = costs.collective_channels.value_or(job.link == NcclLink::nvlink ? 24 : 4);
    return job;
}

// Inside a node, or beyond it? Told by the first word, and where that does not do, by a later one.
bool is_network(std::string const& resource, bool is_product) {
    switch (resource.front()) {
        case 'r':
            return is_product;  // "rank 3 dimension 0 out"; else "rank 3 out"
        case 'n':
            return resource.find(" NIC ") != std::string::npos;  // "node 0 NIC 1 in"; else memory, sockets
        default:
            return true;  // leaves and links between sites
    }
}

}  // namespace

NcclJob among_ranks(NcclJob job, Topology const& topology) {
    job.ranks = topology.ranks();
    job.nodes = std::max(1, topology.nodes());
    std::vector<int> ranks_of_node(static_cast<std::size_t>(job.nodes));
    for (RankId const rank : ids<RankId>(topology.ranks()))
        ++ranks_of_node[static_cast<std::size_t>(topology.node_of(rank))];
    job.ranks_per_node = *std::max_element(ranks_of_node.begin(), ranks_of_node.end());
    return job;
}

NcclMachine::NcclMachine(Topology const& topology, NcclCosts const& costs)
    : costs_(costs), job_(job_of(topology, costs)), rules_(job_) {
    bool const is_product = !topology.machine().dimensions.empty();
    rates_bytes_per_s_.reserve(topology.resources().size());
    for (auto const& resource : topology.resources()) {
        double const part =
            is_network(resource.name, is_product) ? costs.network_efficiency : costs.node_efficiency;
        rates_bytes_per_s_.push_back(resource.capacity_bytes_per_s * part);
    }
}

double NcclMachine::message_bytes_per_s(int channels, int sharing) const {
    return costs_.channel_bytes_per_s * channels / sharing;
}

double NcclMachine::rank_bytes_per_s() const {
    return costs_.channel_bytes_per_s * rules_.p2p_channels();
}

double NcclMachine::base_s(NcclProtocol protocol) const {
    return protocol == NcclProtocol::ll ? costs_.base_ll_s : costs_.base_simple_s;
}

double NcclMachine::hop_s(NcclProtocol protocol) const {
    bool const is_ll = protocol == NcclProtocol::ll;
    if (job_.nodes > 1) return is_ll ? costs_.network_ll_s : costs_.network_simple_s;
    if (job_.link == NcclLink::nvlink) return is_ll ? costs_.nvlink_ll_s : costs_.nvlink_simple_s;
    return is_ll ? costs_.pcie_ll_s : costs_.pcie_simple_s;
}

double NcclMachine::with_launch_s(double kernel_s) const {
    double const longer_s = std::max(costs_.launch_s, kernel_s),
                 shorter_s = std::min(costs_.launch_s, kernel_s);
    if (!(longer_s > 0)) return 0;
    return longer_s * std::pow(1 + std::pow(shorter_s / longer_s, costs_.sharpness), 1 / costs_.sharpness);
}

}  // namespace moewire
