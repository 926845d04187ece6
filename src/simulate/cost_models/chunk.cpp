// NCCL's messages chunk by chunk through channels and slots: what do flows leave out?
#include <algorithm>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/registry.hpp"
#include "simulate/chunks.hpp"
#include "simulate/cost_model.hpp"
#include "simulate/nccl_exchange.hpp"

namespace moewire {
namespace {

constexpr int most_ranks = 64;
// One step of LL's buffer. Source: NVIDIA/nccl v2.28.9-1, src/include/comm.h and device.h: 8 lines x 512
// threads x 16 bytes.
constexpr double ll_chunk_bytes = 65'536;

class Builder {
  public:
    Builder(Scenario const& scenario, NcclMachine const& machine, NcclExchange const& exchange)
        : scenario_(scenario), machine_(machine), rules_(machine.rules()), exchange_(exchange) {
        most_channels_ = rules_.channels_of(exchange.longest_bytes);
        batches_ = rules_.batches(exchange.messages, most_channels_);
        if (batches_ == 1) return;
        auto const turns =
            static_cast<std::size_t>(scenario.topology.ranks() * rules_.p2p_channels() * batches_);
        for (std::size_t turn = 0; turn < turns; ++turn)
            turns_.before.push_back(turn % static_cast<std::size_t>(batches_) == 0
                                        ? no_turn
                                        : static_cast<std::uint32_t>(turn - 1));
    }

    double time_s() {
        int const ranks = scenario_.topology.ranks();
        // In NCCL's order, so that what comes first is first in line.
        for (int round = 0; round < ranks; ++round)
            for (int source = 0; source < ranks; ++source)
                for (int to = 0; to < ranks; ++to)
                    if (rules_.round_of(source, to) == round) add(source, to, round);
        return run_chunks(machine_.rates_bytes_per_s(), std::move(connections_), turns_);
    }

  private:
    void add(int source, int to, int round) {
        auto const from = make_id<RankId>(source), dest = make_id<RankId>(to);
        auto const bytes = scenario_.bytes(source, to);
        if (bytes == 0) return;
        auto const& topology = scenario_.topology;
        bool const is_own = source == to;
        bool const is_ll = !is_own && bytes <= rules_.most_ll_bytes();
        auto const way = topology.node_of(from) == topology.node_of(dest) ? NcclRules::Way::within_node
                                                                          : NcclRules::Way::over_network;
        int const channels = rules_.channels_of(bytes);
        int const sharing = rules_.sharing(exchange_.messages, channels);
        Connection one;
        one.bytes = static_cast<double>(is_ll ? 2 * bytes : bytes) / channels;
        one.chunk_bytes = is_ll ? ll_chunk_bytes : static_cast<double>(rules_.chunk_of(bytes, way));
        one.copy_bytes_per_s = machine_.message_bytes_per_s(1, sharing);
        one.way_s = is_own ? 0 : std::max(machine_.hop_s(exchange_.protocol), topology.latency_s(from, dest));
        one.path = topology.path(from, dest);
        if (is_own) one.receiver = Connection::Receiver::is_sender;
        for (int part = 0; part < channels; ++part) {
            connections_.push_back(one);
            if (batches_ > 1) add_turns(source, to, round, part);
        }
    }

    void add_turns(int source, int to, int round, int part) {
        int const channel = (rules_.first_channel_of_round(round) + part) % rules_.p2p_channels();
        int const batch = std::min(batches_ - 1, rules_.batch_of_round(round, most_channels_));
        auto const turn = [&](int rank) {
            return static_cast<std::uint32_t>((rank * rules_.p2p_channels() + channel) * batches_ + batch);
        };
        turns_.of_flow.push_back({turn(source), source == to ? no_turn : turn(to)});
    }

    Scenario const& scenario_;
    NcclMachine const& machine_;
    NcclRules const& rules_;
    NcclExchange const& exchange_;
    int most_channels_ = 1, batches_ = 1;
    std::vector<Connection> connections_;
    FlowTurns turns_;
};

Prediction predict(Scenario const& scenario, ModelParameters const& parameters) {
    if (scenario.topology.ranks() > most_ranks) {
        throw unavailable(
            "simulate",
            fmt::format("the model 'chunk' takes {} ranks at most, not {} (it follows every chunk, "
                        "which would take hours); ask for flow or closed_form",
                        most_ranks, scenario.topology.ranks()));
    }
    NcclMachine const machine(scenario.topology, parameters.nccl);
    auto const bound = resource_bound(scenario);
    auto const exchange = nccl_exchange(scenario, machine.rules());
    double time_s = machine.with_launch_s(0);
    if (exchange.total_bytes > 0) {
        double const moved_s = Builder(scenario, machine, exchange).time_s();
        time_s = machine.with_launch_s(machine.base_s(exchange.protocol) + moved_s);
    }
    time_s = std::max(time_s, bound.time_s);
    return {time_s, time_s, time_s, bound.time_s, bound.binding_resource, Evidence::assumed};
}

bool const registered = register_in<CostModel>("chunk",
                                               "Chunk by chunk through NCCL's channels and slots on the "
                                               "described machine, up to 64 ranks, uncalibrated.",
                                               {predict,
                                                {.floor_s = nccl_floor_s,
                                                 .edges_bytes = nccl_edges_bytes,
                                                 .anomaly = 0.2,
                                                 .order = ModelTraits::Order::rounds,
                                                 .most_ranks = most_ranks}});

}  // namespace
}  // namespace moewire
