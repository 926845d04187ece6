#include "simulate/nccl_flows.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <tuple>

namespace moewire {
namespace {

class Builder {
  public:
    Builder(Scenario const& scenario, NcclMachine const& machine, NcclExchange const& exchange)
        : topology_(scenario.topology),
          bytes_(scenario.bytes),
          machine_(machine),
          rules_(machine.rules()),
          exchange_(exchange) {
        out_.flows.rates_bytes_per_s = machine.rates_bytes_per_s();
        channels_ = rules_.channels_of(exchange.longest_bytes);
        batches_ = rules_.batches(exchange.messages, channels_);
        auto const& m = topology_.machine();
        // Ports of their own make all ways different.
        may_collapse_ =
            batches_ == 1 && !m.rank_out_bytes_per_s && !m.rank_in_bytes_per_s && m.dimensions.empty();
        has_one_latency_ = m.site_links.empty() && m.dimensions.empty();
    }

    NcclFlows build() {
        auto const ranks = static_cast<int>(bytes_.extent(0));
        auto& flows = out_.flows;
        auto const messages = static_cast<std::size_t>(
            std::count_if(bytes_.values().begin(), bytes_.values().end(), [](auto b) { return b > 0; }));
        flows.bytes.reserve(messages);
        flows.kind.reserve(messages);
        flows.path_begin.reserve(messages + 1);
        if (batches_ > 1) start_turns(ranks);
        for (int source = 0; source < ranks; ++source)
            for (int to = 0; to < ranks; ++to)
                if (auto const bytes = bytes_(source, to); bytes > 0) add(source, to, bytes);
        for (auto const& [key, count] : equal_) add_equal(key, count);
        return std::move(out_);
    }

  private:
    using Key = std::tuple<std::vector<std::size_t>, double, std::uint32_t>;  // path, bytes, kind

    void add(int source, int to, std::uint64_t bytes) {
        auto const from = make_id<RankId>(source), dest = make_id<RankId>(to);
        bool const is_own = source == to;
        double const wire =
            static_cast<double>(!is_own && bytes <= rules_.most_ll_bytes() ? 2 * bytes : bytes);
        auto const kind = kind_of(rules_.channels_of(bytes), is_own ? 0 : way_s(from, dest), 1);
        topology_.path_into(from, dest, path_);
        if (may_collapse_) {
            ++equal_[{path_, wire, kind}];
            return;
        }
        out_.flows.add(wire, kind, path_);
        if (batches_ > 1) out_.turns.of_flow.push_back(turns_of(source, to));
    }

    double way_s(RankId from, RankId to) const {
        double const way = has_one_latency_ ? topology_.machine().latency_s : topology_.latency_s(from, to);
        return std::max(machine_.hop_s(exchange_.protocol), way);
    }

    void add_equal(Key const& key, int count) {
        auto const& [path, bytes, kind] = key;
        auto const& [channels, latency_s, one] = kinds_[kind];
        out_.flows.add(bytes * count, kind_of(channels, latency_s, count), path);
    }

    std::uint32_t kind_of(int channels, double latency_s, int count) {
        std::tuple const wanted(channels, latency_s, count);
        if (last_kind_ < kinds_.size() && kinds_[last_kind_] == wanted) return last_kind_;
        auto const [found, is_new] = kind_index_.emplace(wanted, static_cast<std::uint32_t>(kinds_.size()));
        if (is_new) {
            kinds_.push_back(wanted);
            int const sharing = rules_.sharing(exchange_.messages, channels);
            out_.flows.kinds.push_back({static_cast<double>(channels) * count,
                                        machine_.message_bytes_per_s(channels, sharing) * count, latency_s});
        }
        return last_kind_ = found->second;
    }

    void start_turns(int ranks) {
        auto const count = static_cast<std::size_t>(ranks * rules_.p2p_channels() * batches_);
        out_.turns.before.assign(count, no_turn);
        for (std::size_t turn = 0; turn < count; ++turn)
            if (turn % static_cast<std::size_t>(batches_) != 0)
                out_.turns.before[turn] = static_cast<std::uint32_t>(turn - 1);
    }

    std::array<std::uint32_t, 2> turns_of(int source, int to) const {
        int const round = rules_.round_of(source, to);
        int const channel = rules_.first_channel_of_round(round);
        int const batch = std::min(batches_ - 1, rules_.batch_of_round(round, channels_));
        auto const turn = [&](int rank) {
            return static_cast<std::uint32_t>((rank * rules_.p2p_channels() + channel) * batches_ + batch);
        };
        return {turn(source), source == to ? no_turn : turn(to)};
    }

    Topology const& topology_;
    Grid<std::uint64_t, 2> const& bytes_;
    NcclMachine const& machine_;
    NcclRules const& rules_;
    NcclExchange const& exchange_;
    NcclFlows out_;
    int channels_ = 1, batches_ = 1;
    bool may_collapse_ = false, has_one_latency_ = true;
    std::vector<std::tuple<int, double, int>> kinds_;
    std::map<std::tuple<int, double, int>, std::uint32_t> kind_index_;
    std::uint32_t last_kind_ = no_turn;
    std::vector<std::size_t> path_;
    std::map<Key, int> equal_;
};

}  // namespace

NcclFlows nccl_flows(Scenario const& scenario, NcclMachine const& machine, NcclExchange const& exchange) {
    return Builder(scenario, machine, exchange).build();
}

}  // namespace moewire
