#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/error.hpp"
#include "simulate/marginal.hpp"

namespace moewire {
namespace {

constexpr double equal_within = 1e-9;  // relative; sums of many doubles

}  // namespace

std::int64_t MarginalTraffic::ranks() const {
    std::int64_t count = 0;
    for (auto const& one : classes) count += one.nodes * static_cast<std::int64_t>(one.ranks.size());
    return count;
}

double MarginalTraffic::total_bytes() const {
    double total = 0;
    for (auto const& one : classes)
        for (auto const& rank : one.ranks) total += rank.out_bytes * static_cast<double>(one.nodes);
    return total;
}

MarginalTraffic collapse(MachineDescription const& machine, std::span<RankLoad const> loads) {
    double out = 0, in = 0;
    for (auto const& load : loads) {
        out += load.out_bytes;
        in += load.in_bytes;
    }
    if (std::abs(out - in) > equal_within * std::max(out, in)) {
        throw input_error("simulate",
                          fmt::format("ranks send {:.6g} bytes and receive {:.6g} (every byte arrives "
                                      "somewhere); make the sums equal",
                                      out, in));
    }
    auto nodes = machine.node_of_rank(static_cast<int>(loads.size()));
    if (nodes.empty()) nodes.assign(loads.size(), 0);
    MarginalTraffic traffic;
    for (std::size_t begin = 0, end = 0; begin < loads.size(); begin = end) {
        while (end < loads.size() && nodes[end] == nodes[begin]) ++end;
        std::vector<RankLoad> const node(loads.begin() + static_cast<std::ptrdiff_t>(begin),
                                         loads.begin() + static_cast<std::ptrdiff_t>(end));
        if (traffic.classes.empty() || traffic.classes.back().ranks != node)
            traffic.classes.push_back({0, node});
        ++traffic.classes.back().nodes;
    }
    return traffic;
}

}  // namespace moewire
