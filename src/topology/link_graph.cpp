#include "topology/link_graph.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>

namespace moewire {
namespace {

double slower(std::optional<double> a, std::optional<double> b) {
    return std::min(a.value_or(unlimited_bytes_per_s), b.value_or(unlimited_bytes_per_s));
}

class Drawing {
  public:
    explicit Drawing(Topology const& topology) : topology_(topology), m_(topology.machine()) {
        graph_.ranks = graph_.vertices = topology.ranks();
    }

    LinkGraph draw() {
        if (m_.dimensions.empty()) {
            draw_nodes();
            if (topology_.nodes() > 1) draw_network();
        } else {
            std::size_t stride = 1;
            for (auto const& dimension : m_.dimensions) {
                draw_dimension(dimension, stride);
                stride *= static_cast<std::size_t>(dimension.ranks);
            }
        }
        return std::move(graph_);
    }

  private:
    void join(int a, int b, double bytes_per_s, double latency_s) {
        graph_.cables.push_back({a, b, bytes_per_s, latency_s});
    }

    void draw_nodes() {
        graph_.node_switches = topology_.nodes();
        first_node_ = graph_.vertices;
        graph_.vertices += topology_.nodes();
        std::vector<int> count(static_cast<std::size_t>(topology_.nodes()));
        for (RankId const rank : ids<RankId>(topology_.ranks())) {
            int const node = topology_.node_of(rank);
            ++count[static_cast<std::size_t>(node)];
            join(static_cast<int>(rank), first_node_ + node,
                 slower(m_.rank_out_bytes_per_s, m_.rank_in_bytes_per_s), m_.latency_s / 2);
        }
        bool const alike = std::equal(count.begin() + 1, count.end(), count.begin());
        graph_.ranks_per_node = alike ? count.front() : 0;
    }

    int core_of(int site) {
        auto const [at, is_new] = cores_.emplace(site, graph_.vertices);
        if (is_new) ++graph_.vertices;
        return at->second;
    }

    int site_of(int node) const {
        for (RankId const rank : ids<RankId>(topology_.ranks()))
            if (topology_.node_of(rank) == node) return topology_.place_of(rank).site;
        return 0;
    }

    void draw_network() {
        double const card = slower(m_.nic_out_bytes_per_s, m_.nic_in_bytes_per_s);
        std::map<int, int> leaves;
        std::vector<std::pair<int, int>> hanging;  // leaf, site
        for (int node = 0; node < topology_.nodes(); ++node) {
            int const site = m_.sites.empty() ? 0 : site_of(node);
            for (int nic = 0; nic < m_.nics_per_node; ++nic) {
                int const leaf = topology_.leaf_of(node, nic);
                int above = 0;
                if (leaf < 0) {
                    above = core_of(site);
                } else {
                    auto const [at, is_new] = leaves.emplace(leaf, graph_.vertices);
                    if (is_new) {
                        ++graph_.vertices;
                        hanging.emplace_back(leaf, site);
                    }
                    above = at->second;
                }
                join(first_node_ + node, above, card, 0);
            }
        }
        for (auto const& [leaf, site] : hanging) join(leaves.at(leaf), core_of(site), uplink(leaf), 0);
        for (auto const& link : m_.site_links) {
            join(core_of(static_cast<int>(link.from)), core_of(static_cast<int>(link.to)),
                 std::min(link.capacity_bytes_per_s(link.out_bytes_per_s),
                          link.capacity_bytes_per_s(link.back_bytes_per_s)),
                 link.latency_s);
        }
    }

    double uplink(int leaf) const {
        double least = unlimited_bytes_per_s;
        for (auto const& resource : topology_.resources()) {
            auto const prefix = "leaf " + std::to_string(leaf) + " ";
            if (resource.name.starts_with(prefix)) least = std::min(least, resource.capacity_bytes_per_s);
        }
        return least;
    }

    void draw_dimension(Dimension const& d, std::size_t stride) {
        int const step = static_cast<int>(stride);
        for (int rank = 0; rank < topology_.ranks(); ++rank) {
            int const place = rank / step % d.ranks, first = rank - place * step;
            int const hub = d.kind == DimensionKind::switched && place == 0 ? graph_.vertices++ : 0;
            for (int other = 0; other < d.ranks && place == 0 && d.kind == DimensionKind::switched; ++other)
                join(first + other * step, hub, d.bytes_per_s, d.latency_s / 2);
            if (d.kind == DimensionKind::ring && (d.ranks > 2 || place == 0))
                join(rank, first + (place + 1) % d.ranks * step, d.bytes_per_s, d.latency_s);
            for (int other = place + 1; other < d.ranks && d.kind == DimensionKind::fully_connected; ++other)
                join(rank, first + other * step, d.bytes_per_s, d.latency_s);
        }
    }

    Topology const& topology_;
    MachineDescription const& m_;
    LinkGraph graph_;
    int first_node_ = 0;
    std::map<int, int> cores_;
};

}  // namespace

LinkGraph link_graph(Topology const& topology) {
    return Drawing(topology).draw();
}

bool is_connected(LinkGraph const& graph) {
    std::vector<int> parent(static_cast<std::size_t>(graph.vertices));
    std::iota(parent.begin(), parent.end(), 0);
    auto const root = [&](int at) {
        while (parent[static_cast<std::size_t>(at)] != at) at = parent[static_cast<std::size_t>(at)];
        return at;
    };
    for (auto const& cable : graph.cables) parent[static_cast<std::size_t>(root(cable.a))] = root(cable.b);
    for (int rank = 1; rank < graph.ranks; ++rank)
        if (root(rank) != root(0)) return false;
    return true;
}

}  // namespace moewire
