// How many bytes cross each resource? A machine of nodes is a tree, so that sums over rows and columns tell,
// in one pass over the matrix; path by path it would take a hundred times as long.
#include <algorithm>
#include <map>
#include <tuple>

#include "base/contract.hpp"
#include "base/vectors.hpp"
#include "topology/topology.hpp"

namespace moewire {
namespace {

using Bytes = std::uint64_t;

std::size_t at(int index) {
    return static_cast<std::size_t>(index);
}

// Signed, because vectors compare no unsigned numbers; no message has 2^63 bytes.
Bytes weighed(Bytes bytes, std::int64_t doubled_most) {
    return bytes + (static_cast<std::int64_t>(bytes) <= doubled_most ? bytes : 0);
}

constexpr std::size_t line = 8;             // elements that a cache fetches together
constexpr std::size_t stretch = 16 * line;  // of a row, added in one go
constexpr std::size_t fetched_ahead = 4 * stretch;

// What follows in the matrix is asked for ahead, since what a processor fetches by itself may end with a page
// and a long row has several; beyond the matrix's end that does nothing.
MOEWIRE_VECTORS Bytes add_row(Bytes const* row, std::size_t count, std::int64_t doubled_most,
                              Bytes* columns) {
    Bytes sum = 0;
    for (std::size_t begin = 0; begin < count; begin += stretch) {
        auto const end = std::min(count, begin + stretch);
        for (std::size_t i = begin; i < end; i += line) __builtin_prefetch(row + i + fetched_ahead);
        for (std::size_t i = begin; i < end; ++i) {
            Bytes const bytes = row[i] + (static_cast<std::int64_t>(row[i]) <= doubled_most ? row[i] : 0);
            columns[i] += bytes;
            sum += bytes;
        }
    }
    return sum;
}

MOEWIRE_VECTORS void add(Bytes const* from, std::size_t count, Bytes* to) {
    for (std::size_t i = 0; i < count; ++i) to[i] += from[i];
}

}  // namespace

class CrossingSums {
  public:
    CrossingSums(Topology const& topology, Grid<Bytes, 2> const& bytes, Bytes doubled_most_bytes,
                 Topology::RowLook const& look)
        : t_(topology),
          m_(topology.machine_),
          bytes_(bytes),
          doubled_most_(static_cast<std::int64_t>(doubled_most_bytes)),
          look_(look),
          ranks_(at(topology.ranks())),
          forwards_(t_.nodes_ > 1 && m_.leaf && m_.leaf->crossing == RailCrossing::forwarded),
          into_(ranks_),
          into_from_inside_(ranks_),
          columns_(ranks_),
          crossing_(topology.resources_.size()) {}

    std::vector<double> sum() {
        group_sources();
        if (t_.nodes_ > 1) group_sinks();
        for (auto const& [key, sources] : sources_) add_sources(key.first, key.second, sources);
        for (std::size_t rank = 0; rank < ranks_; ++rank) add_arrivals(rank);
        for (auto const& [sites, bytes] : between_sites_) {
            for (auto const& [link, is_forward] : t_.route(sites.first, sites.second))
                crossing_[is_forward ? t_.link_out_[link] : t_.link_back_[link]] +=
                    static_cast<double>(bytes);
        }
        return std::move(crossing_);
    }

    // Shape: [rank]; once all was summed.
    std::vector<Bytes> const& arrivals() const { return into_; }

  private:
    // Where a byte can go to without a difference to what it crosses beyond its own node.
    struct Sink {
        int leaf = -1, card = 0, site = 0;
        auto operator<=>(Sink const&) const = default;
    };

    // Sources whose bytes leave their node alike: a node's, or a card's where each hangs on a leaf of its
    // own.
    void group_sources() {
        bool const by_card = m_.leaf && m_.leaf->wiring == Wiring::by_rail && !forwards_;
        for (std::size_t rank = 0; rank < ranks_; ++rank) {
            auto const& place = t_.places_[rank];
            sources_[{place.node, by_card ? place.card : 0}].push_back(rank);
        }
    }

    void group_sinks() {
        std::map<Sink, std::size_t> known;
        ranks_of_card_.resize(at(m_.nics_per_node));
        for (std::size_t rank = 0; rank < ranks_; ++rank) {
            auto const& place = t_.places_[rank];
            Sink const sink{t_.leaf_of(place.node, place.card), forwards_ ? place.card : 0, place.site};
            auto const [found, is_new] = known.emplace(sink, sinks_.size());
            if (is_new) sinks_.push_back(sink);
            sink_of_rank_.push_back(found->second);
            if (forwards_) ranks_of_card_[at(place.card)].push_back(rank);
        }
        bytes_of_sink_.resize(sinks_.size());
    }

    Bytes between(std::size_t source, std::size_t to) const {
        return weighed(bytes_(source, to), doubled_most_);
    }

    void load(std::vector<std::size_t> const& resources, std::size_t index, Bytes bytes) {
        if (!resources.empty()) crossing_[resources[index]] += static_cast<double>(bytes);
    }

    void add_sources(int node, int card, std::vector<std::size_t> const& sources) {
        std::fill(columns_.begin(), columns_.end(), 0);
        kept_on_card_.assign(at(m_.nics_per_node), 0);
        for (auto const source : sources) add_source(node, source);
        add(columns_.data(), ranks_, into_.data());
        for (int const rank : t_.ranks_on_node_[at(node)]) into_from_inside_[at(rank)] += columns_[at(rank)];
        // One sink: nothing lies between the nodes but their cards, which the sources have loaded.
        if (sinks_.size() > 1 || forwards_) leave(node, card);
    }

    void add_source(int node, std::size_t source) {
        auto const row = bytes_.row(source);
        auto const& place = t_.places_[source];
        auto const& neighbours = t_.ranks_on_node_[at(node)];
        Bytes const all = add_row(row.data(), ranks_, doubled_most_, columns_.data());
        if (look_) look_(source, row, all);
        Bytes const own = between(source, source);
        columns_[source] -= own;
        Bytes inside = all;
        if (t_.nodes_ > 1) {
            inside = 0;
            for (int const rank : neighbours) inside += between(source, at(rank));
        }
        Bytes const leaving = all - inside;
        bool const by_port = m_.network == NetworkAccess::through_port;
        load(t_.rank_out_, source, inside - own + (by_port ? leaving : 0));
        load(t_.node_memory_, at(node), inside - own);
        if (m_.socket) add_sockets(source, neighbours);
        if (forwards_) {
            Bytes kept = 0;
            for (auto const rank : ranks_of_card_[at(place.card)])
                if (t_.places_[rank].node != node) kept += between(source, rank);
            kept_on_card_[at(place.card)] += kept;
            if (!by_port) load(t_.rank_out_, source, leaving - kept);
        } else {
            load(t_.nic_out_, at(node * m_.nics_per_node + place.card), leaving);
        }
    }

    void add_sockets(std::size_t source, std::vector<int> const& neighbours) {
        auto const& from = t_.places_[source];
        auto const first = at(from.node * t_.sockets_per_node_);
        for (int const rank : neighbours) {
            auto const& to = t_.places_[at(rank)];
            if (from.socket == to.socket) continue;
            load(t_.socket_out_, first + at(from.socket), between(source, at(rank)));
            load(t_.socket_in_, first + at(to.socket), between(source, at(rank)));
        }
    }

    // What the columns hold goes from this node to all others.
    void leave(int node, int card) {
        std::fill(bytes_of_sink_.begin(), bytes_of_sink_.end(), 0);
        for (std::size_t rank = 0; rank < ranks_; ++rank)
            bytes_of_sink_[sink_of_rank_[rank]] += columns_[rank];
        for (int const rank : t_.ranks_on_node_[at(node)])
            bytes_of_sink_[sink_of_rank_[at(rank)]] -= columns_[at(rank)];
        std::vector<Bytes> by_card(at(m_.nics_per_node));
        int const site = t_.site_of_node_.empty() ? 0 : t_.site_of_node_[at(node)];
        for (std::size_t i = 0; i < sinks_.size(); ++i) {
            auto const& sink = sinks_[i];
            if (bytes_of_sink_[i] == 0) continue;
            by_card[at(sink.card)] += bytes_of_sink_[i];
            int const up = t_.leaf_of(node, forwards_ ? sink.card : card);
            if (up != sink.leaf) {
                load(t_.leaf_up_, at(up), bytes_of_sink_[i]);
                load(t_.leaf_down_, at(sink.leaf), bytes_of_sink_[i]);
            }
            if (site != sink.site) between_sites_[{site, sink.site}] += bytes_of_sink_[i];
        }
        for (int to = 0; forwards_ && to < m_.nics_per_node; ++to) {
            load(t_.nic_out_, at(node * m_.nics_per_node + to), by_card[at(to)]);
            load(t_.rank_in_, at(t_.rank_on_card(node, to)), by_card[at(to)] - kept_on_card_[at(to)]);
        }
    }

    void add_arrivals(std::size_t rank) {
        auto const& place = t_.places_[rank];
        Bytes const inside = into_from_inside_[rank], others = into_[rank] - inside;
        load(t_.rank_in_, rank, inside + (m_.network == NetworkAccess::through_port ? others : 0));
        load(t_.nic_in_, at(place.node * m_.nics_per_node + place.card), others);
    }

    Topology const& t_;
    MachineDescription const& m_;
    Grid<Bytes, 2> const& bytes_;
    std::int64_t doubled_most_;
    Topology::RowLook const& look_;
    std::size_t ranks_;
    bool forwards_;
    std::map<std::pair<int, int>, std::vector<std::size_t>> sources_;  // by node and card
    std::vector<Sink> sinks_;
    std::vector<std::size_t> sink_of_rank_;
    std::vector<std::vector<std::size_t>> ranks_of_card_;
    std::vector<Bytes> into_, into_from_inside_, columns_, bytes_of_sink_, kept_on_card_;
    std::map<std::pair<int, int>, Bytes> between_sites_;
    std::vector<double> crossing_;
};

std::vector<double> Topology::crossing_bytes(Grid<Bytes, 2> const& bytes, Bytes doubled_most_bytes,
                                             RowLook const& look, std::vector<Bytes>* arrivals) const {
    MOEWIRE_EXPECT(bytes.extent(0) == at(ranks()) && bytes.extent(1) == at(ranks()));
    if (machine_.dimensions.empty()) {
        CrossingSums sums(*this, bytes, doubled_most_bytes, look);
        auto crossing = sums.sum();
        if (arrivals != nullptr) *arrivals = sums.arrivals();
        return crossing;
    }
    std::vector<double> crossing(resources_.size());
    std::vector<Bytes> into(at(ranks()));
    for (RankId const source : ids<RankId>(ranks())) {
        Bytes counted = 0;
        for (RankId const destination : ids<RankId>(ranks())) {
            auto const value =
                weighed(bytes(source, destination), static_cast<std::int64_t>(doubled_most_bytes));
            counted += value;
            if (source != destination) into[index_of(destination)] += value;
            if (value == 0) continue;
            for (auto const resource : path(source, destination))
                crossing[resource] += static_cast<double>(value);
        }
        if (look) look(index_of(source), bytes.row(index_of(source)), counted);
    }
    if (arrivals != nullptr) *arrivals = std::move(into);
    return crossing;
}

}  // namespace moewire
