#include "simulate/marginal.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "base/error.hpp"
#include "topology/topology.hpp"

namespace moewire {
namespace {

constexpr double clearly_more = 1 + 1e-9;  // of sums of many doubles

// Sums of out and in over some ranks.
struct Sum {
    double out = 0, in = 0;
    Sum& operator+=(Sum const& other) {
        out += other.out;
        in += other.in;
        return *this;
    }
    Sum times(double count) const { return {out * count, in * count}; }
};

// One node of a class: whole, and by card.
struct NodeSums {
    std::int64_t nodes = 0;
    Sum all;
    std::vector<Sum> cards;
};

class Evaluation {
  public:
    Evaluation(MachineDescription const& machine, MarginalTraffic const& traffic)
        : m_(machine), traffic_(traffic), total_(traffic.total_bytes()), rails_(cards()) {
        forwards_ = m_.leaf && m_.leaf->crossing == RailCrossing::forwarded;
        for (auto const& one : traffic_.classes) {
            NodeSums sums{one.nodes, {}, std::vector<Sum>(cards())};
            auto const& places = places_in(one);
            for (std::size_t i = 0; i < one.ranks.size(); ++i) {
                Sum const load{one.ranks[i].out_bytes, one.ranks[i].in_bytes};
                sums.all += load;
                sums.cards[index_of(places[i].card)] += load;
            }
            for (std::size_t c = 0; c < cards(); ++c)
                rails_[c] += sums.cards[c].times(static_cast<double>(one.nodes));
            nodes_.push_back(std::move(sums));
        }
    }

    Bound evaluate() {
        std::int64_t first = 0;
        for (std::size_t i = 0; i < nodes_.size(); first += nodes_[i++].nodes) evaluate_node(i, first);
        if (m_.leaf) evaluate_leaves();
        evaluate_links();
        return bound_;
    }

  private:
    std::size_t cards() const { return static_cast<std::size_t>(m_.nics_per_node); }

    // As a machine of this one node would place them; nodes of one size are placed alike.
    std::vector<Place> const& places_in(NodeClass const& one) {
        auto& places = places_by_size_[one.ranks.size()];
        if (!places.empty()) return places;
        auto node = m_;
        node.ranks_of_node.clear();
        node.sites.clear();
        node.site_links.clear();
        Topology const topology(node, std::vector<int>(one.ranks.size(), 0));
        for (RankId const rank : ids<RankId>(one.ranks.size())) places.push_back(topology.place_of(rank));
        return places;
    }

    void load(std::optional<double> capacity_bytes_per_s, double bytes_times_total, auto const& name) {
        if (!capacity_bytes_per_s || !(*capacity_bytes_per_s > 0)) return;
        double const time_s = bytes_times_total / total_ / *capacity_bytes_per_s;
        if (time_s > bound_.time_s * clearly_more) bound_ = {time_s, name()};
    }

    void evaluate_node(std::size_t at, std::int64_t first) {
        auto const& node = nodes_[at];
        auto const& loads = traffic_.classes[at].ranks;
        auto const& places = places_in(traffic_.classes[at]);
        std::vector<int> helpers(cards(), -1);
        for (std::size_t i = loads.size(); i-- > 0;) helpers[index_of(places[i].card)] = static_cast<int>(i);
        double stays = 0;
        for (std::size_t i = 0; i < loads.size(); ++i) {
            stays += loads[i].out_bytes * loads[i].in_bytes;
            evaluate_port(node, loads[i], places[i].card, first, i,
                          helpers[index_of(places[i].card)] == static_cast<int>(i));
        }
        load(m_.node_memory_bytes_per_s, node.all.out * node.all.in - stays,
             [&] { return fmt::format("node {} memory", first); });
        evaluate_sockets(node, loads, places, first);
        for (std::size_t c = 0; c < cards(); ++c) {
            auto const& card = node.cards[c];
            double const out =
                forwards_ ? node.all.out * (rails_[c].in - card.in) : card.out * (total_ - node.all.in);
            auto const name = [&](char const* way) {
                return [=] { return fmt::format("node {} NIC {} {}", first, c, way); };
            };
            load(m_.nic_out_bytes_per_s, out, name("out"));
            load(m_.nic_in_bytes_per_s, card.in * (total_ - node.all.out), name("in"));
        }
    }

    void evaluate_port(NodeSums const& node, RankLoad const& rank, int card, std::int64_t first,
                       std::size_t i, bool is_helper) {
        bool const past = m_.network == NetworkAccess::past_port;
        double out = rank.out_bytes * ((past ? node.all.in : total_) - rank.in_bytes);
        double in = rank.in_bytes * ((past ? node.all.out : total_) - rank.out_bytes);
        auto const c = index_of(card);
        // Everybody's bytes for another rail elsewhere go through the rank on that rail first.
        double const to_others = (total_ - node.all.in) - (rails_[c].in - node.cards[c].in);
        if (forwards_ && past) out += rank.out_bytes * to_others;
        if (forwards_ && is_helper)
            in += (node.all.out - node.cards[c].out) * (rails_[c].in - node.cards[c].in);
        auto const name = [&](char const* way) {
            return [=] { return fmt::format("node {} rank {} {}", first, i, way); };
        };
        load(m_.rank_out_bytes_per_s, out, name("out"));
        load(m_.rank_in_bytes_per_s, in, name("in"));
    }

    void evaluate_sockets(NodeSums const& node, std::vector<RankLoad> const& loads,
                          std::vector<Place> const& places, std::int64_t first) {
        if (!m_.socket) return;
        std::vector<Sum> sockets;
        for (std::size_t i = 0; i < loads.size(); ++i) {
            sockets.resize(std::max(sockets.size(), index_of(places[i].socket) + 1));
            sockets[index_of(places[i].socket)] += Sum{loads[i].out_bytes, loads[i].in_bytes};
        }
        for (std::size_t s = 0; s < sockets.size(); ++s) {
            auto const name = [&] { return fmt::format("node {} socket {}", first, s); };
            load(m_.socket->out_bytes_per_s, sockets[s].out * (node.all.in - sockets[s].in), name);
            load(m_.socket->in_bytes_per_s, sockets[s].in * (node.all.out - sockets[s].out), name);
        }
    }

    // Calls visit(class, nodes of it) for `count` nodes from `first` on.
    void visit_nodes(std::int64_t first, std::int64_t count, auto const& visit) const {
        std::int64_t begin = 0;
        for (std::size_t i = 0; i < nodes_.size() && begin < first + count; begin += nodes_[i++].nodes) {
            auto const here = std::min(begin + nodes_[i].nodes, first + count) - std::max(begin, first);
            if (here > 0) visit(nodes_[i], static_cast<double>(here));
        }
    }

    void evaluate_leaves() {
        auto const& leaf = *m_.leaf;
        bool const by_rail = leaf.wiring == Wiring::by_rail;
        double const hanging = leaf.nodes * (by_rail ? 1.0 : m_.nics_per_node);
        auto const capacity = [&](std::optional<double> given, std::optional<double> card) {
            return leaf.oversubscription ? std::optional(*card * hanging / *leaf.oversubscription) : given;
        };
        auto const up = capacity(leaf.up_bytes_per_s, m_.nic_out_bytes_per_s),
                   down = capacity(leaf.down_bytes_per_s, m_.nic_in_bytes_per_s);
        // Walks the classes once, a leaf at a time.
        std::size_t at = 0;
        std::int64_t left_of_class = nodes_.empty() ? 0 : nodes_[0].nodes;
        for (std::int64_t group = 0; at < nodes_.size(); ++group) {
            Sum whole;
            std::vector<Sum> rails(cards()), inside(cards());
            for (std::int64_t left = leaf.nodes; left > 0 && at < nodes_.size();) {
                auto const here = std::min(left, left_of_class);
                add_to_leaf(nodes_[at], static_cast<double>(here), whole, rails, inside);
                left -= here;
                left_of_class -= here;
                if (left_of_class == 0 && ++at < nodes_.size()) left_of_class = nodes_[at].nodes;
            }
            auto const name = [&](std::size_t number, char const* way) {
                return [=] { return fmt::format("leaf {} {}", number, way); };
            };
            auto const g = static_cast<std::size_t>(group);
            if (!by_rail) {
                load(up, whole.out * (total_ - whole.in), name(g, "up"));
                load(down, whole.in * (total_ - whole.out), name(g, "down"));
                continue;
            }
            for (std::size_t c = 0; c < cards(); ++c) {
                double const rising = forwards_ ? whole.out * (rails_[c].in - rails[c].in)
                                                : rails[c].out * (total_ - rails[c].in) - inside[c].out;
                double const falling = forwards_ ? rails[c].in * (total_ - whole.out)
                                                 : rails[c].in * (total_ - rails[c].out) - inside[c].in;
                load(up, rising, name(g * cards() + c, "up"));
                load(down, falling, name(g * cards() + c, "down"));
            }
        }
    }

    // `inside`: what stays in a node although it changes the rail.
    void add_to_leaf(NodeSums const& node, double count, Sum& whole, std::vector<Sum>& rails,
                     std::vector<Sum>& inside) const {
        whole += node.all.times(count);
        for (std::size_t c = 0; c < cards(); ++c) {
            auto const& card = node.cards[c];
            rails[c] += card.times(count);
            inside[c] +=
                Sum{card.out * (node.all.in - card.in), card.in * (node.all.out - card.out)}.times(count);
        }
    }

    void evaluate_links() {
        std::vector<Sum> sites(m_.sites.size());
        std::int64_t first = 0;
        for (std::size_t s = 0; s < sites.size(); ++s) {
            bool const is_last = s + 1 == sites.size();
            std::int64_t const count = is_last ? std::int64_t{1} << 60 : m_.sites[s].nodes;
            visit_nodes(first, count,
                        [&](NodeSums const& node, double nodes) { sites[s] += node.all.times(nodes); });
            first += count;
        }
        for (auto const& link : m_.site_links) {
            Sum side;
            for (std::size_t s = 0; s < sites.size(); ++s)
                if (is_on_side(s, link)) side += sites[s];
            auto const name = [&](std::size_t a, std::size_t b) {
                return [=, this] { return fmt::format("link {} to {}", m_.sites[a].name, m_.sites[b].name); };
            };
            load(link.capacity_bytes_per_s(link.out_bytes_per_s), side.out * (total_ - side.in),
                 name(link.from, link.to));
            load(link.capacity_bytes_per_s(link.back_bytes_per_s), side.in * (total_ - side.out),
                 name(link.to, link.from));
        }
    }

    // Is the site joined with link.from when the link is cut?
    bool is_on_side(std::size_t site, SiteLink const& cut) const {
        std::vector<bool> reached(m_.sites.size());
        reached[cut.from] = true;
        for (std::size_t round = 0; round < m_.sites.size(); ++round) {
            for (auto const& link : m_.site_links) {
                if (&link == &cut) continue;
                bool const any = reached[link.from] || reached[link.to];
                reached[link.from] = reached[link.to] = any;
            }
        }
        return reached[site];
    }

    MachineDescription const& m_;
    MarginalTraffic const& traffic_;
    double total_ = 0;
    std::vector<Sum> rails_;  // by card number, over all nodes
    std::vector<NodeSums> nodes_;
    std::map<std::size_t, std::vector<Place>> places_by_size_;
    bool forwards_ = false;
    Bound bound_{0, "none"};
};

}  // namespace

Bound marginal_bound(MachineDescription const& machine, MarginalTraffic const& traffic) {
    if (!machine.dimensions.empty()) {
        throw input_error(
            "simulate", fmt::format("'{}' is a product network (what crosses its links does not follow from "
                                    "sums); give the whole matrix",
                                    machine.name));
    }
    if (!(traffic.total_bytes() > 0)) return {0, "none"};
    return Evaluation(machine, traffic).evaluate();
}

}  // namespace moewire
