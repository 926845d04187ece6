#include "simulate/exchange_load.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "base/error.hpp"

namespace moewire {
namespace {

constexpr std::array<std::string_view, 4> regime_names{"nothing", "eager", "mixed", "rendezvous"};

// "node 12 NIC out" -> "node # NIC out".
std::string class_of(std::string const& resource) {
    std::string name;
    for (char const c : resource) {
        bool const is_digit = std::isdigit(static_cast<unsigned char>(c)) != 0;
        if (!is_digit)
            name += c;
        else if (name.empty() || name.back() != '#')
            name += '#';
    }
    return name;
}

void add_most(std::map<std::string, double>& bytes, std::string const& name, double value) {
    auto& most = bytes[name];
    most = std::max(most, value);
}

// Messages of one rank one way: how many must start one after another.
struct Starts {
    double eager = 0, rendezvous = 0;
};

struct RankSums {
    double out = 0, in = 0, self = 0;
    Starts sent, received;
    double far_out = 0, far_in = 0, far_back = 0;  // other nodes'; back: the lesser way of each connection
    double asked_in = 0, eager_out = 0;            // of these: what a sender asked for first, what it did not
};

struct NodeSums {
    double both = 0, cores = 0, out = 0, in = 0, back = 0;
    double asked_in = 0, eager_out = 0;
};

void add_ranks(std::vector<RankSums> const& ranks, ExchangeLoad& load) {
    for (auto const& rank : ranks) {
        add_most(load.bytes, "rank # out", rank.out);
        add_most(load.bytes, "rank # in", rank.in);
        add_most(load.bytes, "rank # both", rank.out + rank.in);
        add_most(load.bytes, "rank # self", rank.self);
        load.eager_messages =
            std::max(load.eager_messages, std::ceil(rank.sent.eager) + std::ceil(rank.received.eager));
        load.rendezvous_messages = std::max(
            load.rendezvous_messages, std::ceil(rank.sent.rendezvous) + std::ceil(rank.received.rendezvous));
    }
    load.busiest_bytes = std::max(load.bytes["rank # out"], load.bytes["rank # in"]);
}

// What ranks of one host share: its memory, its processors, its connections.
void add_hosts(Topology const& topology, std::vector<RankSums> const& ranks, ExchangeLoad& load) {
    std::vector<NodeSums> nodes(static_cast<std::size_t>(topology.nodes()));
    for (RankId const r : ids<RankId>(ranks.size())) {
        auto const& rank = ranks[index_of(r)];
        auto& node = nodes[static_cast<std::size_t>(topology.node_of(r))];
        node.both += rank.out + rank.in;
        node.cores += rank.out + rank.in + rank.self;
        node.out += rank.far_out;
        node.in += rank.far_in;
        node.back += rank.far_back;
        node.asked_in += rank.asked_in;
        node.eager_out += rank.eager_out;
    }
    for (auto const& node : nodes) {
        add_most(load.bytes, "node # both", node.both);
        add_most(load.bytes, "node # cores", node.cores);
        add_most(load.bytes, "node # two-way", std::max(node.out, node.in) + node.back);
        if (node.asked_in > 0) add_most(load.bytes, "node # go-ahead", node.asked_in + node.eager_out);
    }
}

// How single messages go, and the longest of each kind.
class MessageKinds {
  public:
    explicit MessageKinds(EagerLimits const& limits) : limits_(limits) {
        if (limits.nccl) rules_.emplace(*limits.nccl);
    }

    bool is_eager(std::uint64_t bytes, bool is_near) {
        if (!rules_) {
            auto const limit = is_near ? limits_.within_node_bytes : limits_.between_nodes_bytes;
            return bytes <= static_cast<std::uint64_t>(limit);
        }
        if (rules_->protocol_of(bytes) == NcclProtocol::ll) {
            add_most(longest_.bytes, "message # LL", static_cast<double>(bytes));
            return true;
        }
        auto const way = is_near ? NcclRules::Way::within_node : NcclRules::Way::over_network;
        double const part = static_cast<double>(bytes) / rules_->channels_of(bytes);
        longest_.channel_bytes = std::max(longest_.channel_bytes, part);
        longest_.fill_bytes =
            std::max(longest_.fill_bytes, std::min(part, static_cast<double>(rules_->chunk_of(bytes, way))));
        return false;
    }

    // MPI starts one after another. NCCL's rounds lie on different channels, which start at the same time, as
    // long as there are enough.
    double starts(std::uint64_t bytes) const {
        return rules_ ? static_cast<double>(rules_->channels_of(bytes)) / rules_->p2p_channels() : 1;
    }

    ExchangeLoad const& longest() const { return longest_; }

  private:
    EagerLimits const& limits_;
    std::optional<NcclRules> rules_;
    ExchangeLoad longest_;
};

}  // namespace

std::vector<std::int64_t> edges_of(EagerLimits const& limits) {
    if (!limits.nccl) return {limits.within_node_bytes, limits.between_nodes_bytes};
    NcclRules const rules(*limits.nccl);
    std::vector<std::int64_t> edges;
    int channels = rules.channels_of(1);
    for (auto const edge : rules.edges_bytes()) {
        bool const doubles = rules.channels_of(edge + 1) >= 2 * channels;
        if (!doubles && rules.protocol_of(edge) == rules.protocol_of(edge + 1)) continue;
        if (doubles) channels = rules.channels_of(edge + 1);
        edges.push_back(static_cast<std::int64_t>(edge));
    }
    return edges;
}

bool ExchangeLoad::is_empty() const {
    return std::all_of(bytes.begin(), bytes.end(), [](auto const& one) { return one.second == 0; });
}

std::string_view name_of(Regime regime) {
    return regime_names.at(static_cast<std::size_t>(regime));
}

Regime regime_of(std::string const& name) {
    for (std::size_t i = 0; i < regime_names.size(); ++i) {
        if (regime_names[i] == name) return static_cast<Regime>(i);
    }
    throw input_error("calibration",
                      fmt::format("unknown regime '{}' (no such rule is known); calibrate anew", name));
}

ExchangeLoad load_of(Scenario const& scenario, EagerLimits const& limits) {
    auto const& topology = scenario.topology;
    MessageKinds kinds(limits);
    auto const count = static_cast<std::size_t>(topology.ranks());
    std::vector<double> crossing(topology.resources().size());
    std::vector<RankSums> ranks(count);
    double busiest_pair = 0;
    bool any_eager = false, any_rendezvous = false;
    double busy_pairs = 0;
    for (RankId const source : ids<RankId>(count)) {
        for (RankId const destination : ids<RankId>(count)) {
            auto const value = scenario.bytes(source, destination);
            if (value == 0) continue;
            auto const bytes = static_cast<double>(value);
            auto &from = ranks[index_of(source)], &to = ranks[index_of(destination)];
            if (source == destination) {
                from.self += bytes;
                continue;
            }
            auto const returned = scenario.bytes(destination, source);
            auto const back = static_cast<double>(returned);
            busiest_pair = std::max(busiest_pair, bytes + back);
            for (auto const resource : topology.path(source, destination)) crossing[resource] += bytes;
            bool const near = topology.node_of(source) == topology.node_of(destination);
            bool const is_eager = kinds.is_eager(value, near);
            (is_eager ? any_eager : any_rendezvous) = true;
            ++busy_pairs;
            from.out += bytes, to.in += bytes;
            if (!near) {
                from.far_out += bytes, to.far_in += bytes;
                (is_eager ? from.eager_out : to.asked_in) += bytes;
                if (!is_eager && !kinds.is_eager(returned, near)) from.far_back += std::min(bytes, back);
            }
            auto const starts = kinds.starts(value);
            (is_eager ? from.sent.eager : from.sent.rendezvous) += starts;
            (is_eager ? to.received.eager : to.received.rendezvous) += starts;
        }
    }
    ExchangeLoad load = kinds.longest();
    if (count > 1) load.pairs = busy_pairs / static_cast<double>(count * (count - 1));
    add_ranks(ranks, load);
    // GPUs pass their hosts by, and two of them could not tell such a class from a port.
    if (!limits.nccl) {
        load.bytes["pair # both"] = busiest_pair;
        add_hosts(topology, ranks, load);
    }
    for (std::size_t i = 0; i < crossing.size(); ++i) {
        auto const name = class_of(topology.resources()[i].name);
        if (name != "rank # out" && name != "rank # in") add_most(load.bytes, name, crossing[i]);
    }
    if (any_eager || any_rendezvous)
        load.regime = !any_rendezvous ? Regime::eager : any_eager ? Regime::mixed : Regime::rendezvous;
    return load;
}

}  // namespace moewire
