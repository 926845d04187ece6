#include "assignment/nodes.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.hpp"

namespace moewire {

Setting nodes_setting() {
    return whole_setting("nodes", 0, 0, 1 << 16, "Nodes of equally many ranks; 0: the machine's own");
}

std::vector<std::int32_t> node_ids(PlanRequest const& request) {
    auto const nodes = request.settings.whole("nodes");
    auto const ranks = request.ranks;
    if (nodes == 0) {
        return request.node_of_rank.empty() ? std::vector<std::int32_t>(static_cast<std::size_t>(ranks))
                                            : request.node_of_rank;
    }
    if (ranks % nodes != 0) {
        throw usage_error(
            fmt::format("{} nodes do not divide {} ranks (nodes must be alike); use another number of nodes",
                        nodes, ranks));
    }
    std::vector<std::int32_t> ids;
    for (int rank = 0; rank < ranks; ++rank) ids.push_back(static_cast<std::int32_t>(rank / (ranks / nodes)));
    return ids;
}

std::vector<std::vector<std::int32_t>> ranks_by_node(PlanRequest const& request) {
    auto const ids = node_ids(request);
    std::vector<std::vector<std::int32_t>> ranks(
        static_cast<std::size_t>(*std::max_element(ids.begin(), ids.end())) + 1);
    for (std::size_t rank = 0; rank < ids.size(); ++rank)
        ranks[static_cast<std::size_t>(ids[rank])].push_back(static_cast<std::int32_t>(rank));
    return ranks;
}

}  // namespace moewire
