// Which resources does a described machine have? One for every capacity that the description names.
#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/error.hpp"
#include "topology/topology.hpp"

namespace moewire {
namespace {

constexpr double most_resources = 4e6;

}  // namespace

void Topology::add_nodes() {
    auto const add_each = [this](std::vector<std::size_t>& where, int count, auto const& name,
                                 std::optional<double> capacity_bytes_per_s) {
        for (int i = 0; capacity_bytes_per_s && i < count; ++i)
            where.push_back(add(name(i), *capacity_bytes_per_s));
    };
    auto const of_rank = [](char const* way) {
        return [way](int rank) { return fmt::format("rank {} {}", rank, way); };
    };
    add_each(rank_out_, ranks(), of_rank("out"), machine_.rank_out_bytes_per_s);
    add_each(rank_in_, ranks(), of_rank("in"), machine_.rank_in_bytes_per_s);
    add_each(
        node_memory_, nodes_, [](int node) { return fmt::format("node {} memory", node); },
        machine_.node_memory_bytes_per_s);
    if (machine_.socket) {
        std::size_t most = 0;
        for (auto const& ranks : ranks_on_node_) most = std::max(most, ranks.size());
        int const per_node = sockets_per_node_ =
            (static_cast<int>(most) + machine_.socket->ranks - 1) / machine_.socket->ranks;
        auto const of_socket = [per_node](char const* way) {
            return [per_node, way](int i) {
                return fmt::format("node {} socket {} {}", i / per_node, i % per_node, way);
            };
        };
        add_each(socket_out_, nodes_ * per_node, of_socket("out"), machine_.socket->out_bytes_per_s);
        add_each(socket_in_, nodes_ * per_node, of_socket("in"), machine_.socket->in_bytes_per_s);
    }
    int const cards = machine_.nics_per_node;
    auto const of_card = [cards](char const* way) {
        return [cards, way](int i) {
            return cards == 1 ? fmt::format("node {} NIC {}", i, way)
                              : fmt::format("node {} NIC {} {}", i / cards, i % cards, way);
        };
    };
    add_each(nic_out_, nodes_ * cards, of_card("out"), machine_.nic_out_bytes_per_s);
    add_each(nic_in_, nodes_ * cards, of_card("in"), machine_.nic_in_bytes_per_s);
}

void Topology::add_network() {
    if (machine_.leaf) {
        auto const& leaf = *machine_.leaf;
        int const cards = machine_.nics_per_node;
        int const groups = (nodes_ + leaf.nodes - 1) / leaf.nodes;
        bool const by_rail = leaf.wiring == Wiring::by_rail;
        for (int i = 0; i < (by_rail ? groups * cards : groups); ++i) {
            int const hanging = leaf.nodes * (by_rail ? 1 : cards);
            auto const capacity = [&](std::optional<double> given, std::optional<double> card) {
                return leaf.oversubscription ? *card * hanging / *leaf.oversubscription : given.value_or(0);
            };
            double const up = capacity(leaf.up_bytes_per_s, machine_.nic_out_bytes_per_s),
                         down = capacity(leaf.down_bytes_per_s, machine_.nic_in_bytes_per_s);
            if (up > 0) leaf_up_.push_back(add(fmt::format("leaf {} up", i), up));
            if (down > 0) leaf_down_.push_back(add(fmt::format("leaf {} down", i), down));
        }
    }
    for (auto const& link : machine_.site_links) {
        auto const &from = machine_.sites[link.from].name, &to = machine_.sites[link.to].name;
        link_out_.push_back(
            add(fmt::format("link {} to {}", from, to), link.capacity_bytes_per_s(link.out_bytes_per_s)));
        link_back_.push_back(
            add(fmt::format("link {} to {}", to, from), link.capacity_bytes_per_s(link.back_bytes_per_s)));
    }
}

void Topology::add_dimensions() {
    double all = 1, links = 0;
    for (auto const& d : machine_.dimensions) all *= d.ranks;
    if (all != ranks()) {
        throw input_error(
            "topology",
            fmt::format("the network of '{}' joins {} ranks, {} are asked for (every place must be "
                        "filled); ask for {}",
                        machine_.name, all, ranks(), all));
    }
    for (auto const& d : machine_.dimensions)
        links += all * (d.kind == DimensionKind::fully_connected ? d.ranks : 2);
    if (links > most_resources) {
        throw input_error("topology", fmt::format("the network of '{}' has {:.0f} links (at most {:.0f} are "
                                                  "handled); describe it with switches",
                                                  machine_.name, links, most_resources));
    }
    for (std::size_t i = 0; i < machine_.dimensions.size(); ++i) {
        auto const& d = machine_.dimensions[i];
        dimension_first_.push_back(resources_.size());
        bool const is_full = d.kind == DimensionKind::fully_connected;
        for (int rank = 0; rank < ranks(); ++rank) {
            for (int way = 0; way < (is_full ? d.ranks : 2); ++way) {
                auto const where = is_full                             ? fmt::format("to place {}", way)
                                   : d.kind == DimensionKind::switched ? (way == 0 ? "out" : "in")
                                                                       : (way == 0 ? "next" : "previous");
                add(fmt::format("rank {} dimension {} {}", rank, i, where), d.bytes_per_s);
            }
        }
    }
}

// From dimension to dimension, each through the rank that already has the right places in those before.
void Topology::product_path(RankId source, RankId destination, std::vector<std::size_t>& crossed) const {
    std::size_t here = index_of(source), stride = 1;
    for (std::size_t i = 0; i < machine_.dimensions.size(); ++i) {
        auto const& d = machine_.dimensions[i];
        auto const count = static_cast<std::size_t>(d.ranks), first = dimension_first_[i];
        auto const from = here / stride % count, to = index_of(destination) / stride % count;
        auto const neighbour = [&](std::size_t place) { return here - from * stride + place * stride; };
        if (from != to && d.kind == DimensionKind::switched) {
            crossed.insert(crossed.end(), {first + 2 * here, first + 2 * neighbour(to) + 1});
        } else if (from != to && d.kind == DimensionKind::fully_connected) {
            crossed.push_back(first + count * here + to);
        } else if (from != to) {
            auto const forward = (to + count - from) % count;
            std::size_t const way = forward <= count - forward ? 0 : 1;
            for (auto place = from; place != to; place = (place + (way == 0 ? 1 : count - 1)) % count)
                crossed.push_back(first + 2 * neighbour(place) + way);
        }
        here = neighbour(to);
        stride *= count;
    }
}

}  // namespace moewire
