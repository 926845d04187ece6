// Which descriptions cannot be? Refused with the reason and the key.
#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "base/error.hpp"
#include "topology/machine.hpp"

namespace moewire {
namespace {

// What lies in one piece so far.
class Pieces {
  public:
    explicit Pieces(std::size_t count) : parent_(count) { std::iota(parent_.begin(), parent_.end(), 0); }
    std::size_t of(std::size_t at) const {
        while (parent_[at] != at) at = parent_[at];
        return at;
    }
    void join(std::size_t a, std::size_t b) { parent_[of(a)] = of(b); }

  private:
    std::vector<std::size_t> parent_;
};

Error refusal(std::string const& file, std::string const& key, std::string const& problem) {
    return input_error("topology", fmt::format("{}: {} {}", file, key, problem));
}

void check_links(MachineDescription const& m, std::string const& file) {
    if (m.sites.empty() && !m.site_links.empty())
        throw refusal(file, "link", "is given without any [[site]] (nothing to join); add the sites");
    Pieces pieces(m.sites.size());
    for (std::size_t i = 0; i < m.site_links.size(); ++i) {
        auto const& link = m.site_links[i];
        auto const key = fmt::format("link[{}]", i);
        if (link.from == link.to) {
            throw refusal(file, key,
                          fmt::format("joins '{}' with itself (a site's own bytes cross no wide-area link); "
                                      "name two sites",
                                      m.sites[link.from].name));
        }
        if (pieces.of(link.from) == pieces.of(link.to)) {
            throw refusal(
                file, key,
                fmt::format("closes a cycle between '{}' and '{}' (bytes would have two routes, and "
                            "which they take is not described); leave one link out",
                            m.sites[link.from].name, m.sites[link.to].name));
        }
        pieces.join(link.from, link.to);
    }
    for (std::size_t i = 1; i < m.sites.size(); ++i) {
        if (pieces.of(i) == pieces.of(0)) continue;
        throw refusal(
            file, fmt::format("site[{}]", i),
            fmt::format("'{}' is disconnected from '{}' (no chain of links joins them); add a [[link]]",
                        m.sites[i].name, m.sites[0].name));
    }
}

void check_leaf(MachineDescription const& m, std::string const& file) {
    if (!m.leaf) return;
    auto const& leaf = *m.leaf;
    if (leaf.oversubscription && (leaf.up_bytes_per_s || leaf.down_bytes_per_s)) {
        throw refusal(file, "leaf.oversubscription",
                      "stands beside leaf.up_bytes_per_s or leaf.down_bytes_per_s (both say what a leaf "
                      "carries); keep one");
    }
    if (leaf.oversubscription && (!m.nic_out_bytes_per_s || !m.nic_in_bytes_per_s)) {
        throw refusal(file, "leaf.oversubscription",
                      "needs node.nic_out_bytes_per_s and node.nic_in_bytes_per_s (it divides what the cards "
                      "carry); add them");
    }
    if (leaf.crossing == RailCrossing::forwarded && leaf.wiring != Wiring::by_rail)
        throw refusal(file, "leaf.crossing", "is 'forwarded' without rails; set leaf.wiring = \"rail\"");
}

}  // namespace

void check_machine(MachineDescription const& m, std::string const& file) {
    check_links(m, file);
    check_leaf(m, file);
    if (!m.ranks_of_node.empty() && m.ranks_per_node)
        throw refusal(file, "node.ranks", "is given twice, as a number and as a list; keep one");
    for (int const nic : m.nic_of_rank) {
        if (nic >= 0 && nic < m.nics_per_node) continue;
        throw refusal(
            file, "node.nic_of_rank",
            fmt::format("names card {} of {} (they count from 0); correct it", nic, m.nics_per_node));
    }
    if (!m.dimensions.empty() &&
        (m.ranks_per_node || !m.ranks_of_node.empty() || m.leaf || m.socket || !m.sites.empty())) {
        throw refusal(file, "dimension",
                      "stands beside node, leaf, socket or site (a product network has none); keep one kind");
    }
}

}  // namespace moewire
