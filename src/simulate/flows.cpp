#include "simulate/flows.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "base/contract.hpp"

namespace moewire {
namespace {

constexpr double never = std::numeric_limits<double>::infinity();
constexpr double hardly_less = 1 - 1e-9;
constexpr std::size_t few_flows = 2048;  // up to here every window rests on rates solved for it
constexpr std::size_t sampled_flows = 4096;

class Run {
  public:
    Run(FlowSet const& flows, FlowTurns const& turns, FlowOptions const& options,
        std::vector<std::uint32_t> const& chosen, MaxMin& rates)
        : flows_(flows), options_(options), turns_(turns, chosen), rates_(rates) {
        for (auto const flow : chosen)
            if (!turns_.must_wait(flow)) plan(flow);
    }

    FlowResult run() {
        while (true) {
            start_due();
            if (!active_.empty()) {
                pass_window();
            } else if (!starts_.empty()) {
                now_s_ = starts_.begin()->first;
            } else {
                break;
            }
        }
        return result_;
    }

  private:
    void plan(std::uint32_t flow) {
        starts_[now_s_ + flows_.kinds[flows_.kind[flow]].latency_s].push_back(flow);
    }

    void start_due() {
        while (!starts_.empty() && starts_.begin()->first <= now_s_) {
            auto const due = starts_.extract(starts_.begin());
            for (auto const flow : due.mapped()) {
                rates_.start(flow);
                if (std::isinf(rates_.states()[flow].rate_bytes_per_s)) {
                    end(flow);  // nothing limits it
                } else {
                    active_.push_back(flow);
                }
            }
        }
    }

    void solve(double window_s) {
        rates_.solve(active_, window_s);
        ++result_.solutions;
    }

    double left_s(std::uint32_t flow) const {
        auto const& state = rates_.states()[flow];
        return state.remaining_bytes / state.rate_bytes_per_s;
    }

    // When the given part of the flows will have ended; at least one.
    double next_end_s() {
        times_s_.clear();
        std::size_t const step = std::max<std::size_t>(1, active_.size() / sampled_flows);
        if (options_.window_part <= 0 || step == 1) {
            for (auto const flow : active_) times_s_.push_back(left_s(flow));
        } else {
            for (std::size_t i = 0; i < active_.size(); i += step) times_s_.push_back(left_s(active_[i]));
        }
        auto const rank =
            static_cast<std::size_t>(options_.window_part * static_cast<double>(times_s_.size()));
        auto const at = times_s_.begin() + static_cast<std::ptrdiff_t>(rank > 0 ? rank - 1 : 0);
        std::nth_element(times_s_.begin(), at, times_s_.end());
        return *at;
    }

    // Until when few enough flows start; they wait for the window's end.
    double next_start_s() const {
        double starting = 0;
        for (auto const& [time_s, flows] : starts_) {
            starting += static_cast<double>(flows.size());
            if (starting > options_.window_part * static_cast<double>(active_.size())) return time_s - now_s_;
        }
        return never;
    }

    void pass_window() {
        if (is_stale_ || active_.size() <= few_flows || options_.window_part <= 0) solve(never);
        double const end_s = next_end_s();
        double const window_s = std::min(end_s, next_start_s());
        bool const are_more_ending = std::any_of(
            active_.begin(), active_.end(), [&](auto flow) { return left_s(flow) < window_s * hardly_less; });
        if (are_more_ending || !(is_stale_ || active_.size() <= few_flows)) solve(window_s);
        now_s_ += window_s;
        ++result_.windows;
        // Rates of the window before are a guess for the next; where it led nowhere, they are solved anew.
        is_stale_ = !advance(window_s);
    }

    // Returns whether any flow ended.
    bool advance(double window_s) {
        ended_.clear();
        std::size_t kept = 0;
        for (auto const flow : active_) {
            auto& state = rates_.states()[flow];
            double const sent = state.rate_bytes_per_s * window_s;
            if (sent >= state.remaining_bytes * hardly_less) {
                ended_.push_back(flow);
            } else {
                state.remaining_bytes -= sent;
                active_[kept++] = flow;
            }
        }
        active_.resize(kept);
        for (auto const flow : ended_) {
            rates_.stop(flow);
            end(flow);
        }
        return !ended_.empty();
    }

    void end(std::uint32_t flow) {
        result_.time_s = std::max(result_.time_s, now_s_);
        released_.clear();
        turns_.end(flow, released_);
        for (auto const next : released_) plan(next);
    }

    FlowSet const& flows_;
    FlowOptions const& options_;

    Turns turns_;
    MaxMin& rates_;
    std::map<double, std::vector<std::uint32_t>> starts_;  // by time
    std::vector<std::uint32_t> active_, ended_, released_;
    std::vector<double> times_s_;
    double now_s_ = 0;
    bool is_stale_ = true;
    FlowResult result_;
};

// Flows by what they share, directly or through others.
std::vector<std::vector<std::uint32_t>> apart(FlowSet const& flows) {
    std::vector<std::uint32_t> parent(flows.rates_bytes_per_s.size());
    std::iota(parent.begin(), parent.end(), 0);
    auto const root = [&](std::uint32_t at) {
        while (parent[at] != at) at = parent[at] = parent[parent[at]];
        return at;
    };
    for (std::size_t flow = 0; flow < flows.size(); ++flow)
        for (auto const resource : flows.path_of(flow))
            parent[root(resource)] = root(flows.path_of(flow).front());
    std::vector<std::vector<std::uint32_t>> parts;
    std::vector<std::size_t> part_of(parent.size(), parent.size());
    for (std::uint32_t flow = 0; flow < flows.size(); ++flow) {
        if (flows.path_of(flow).empty()) {
            parts.push_back({flow});
            continue;
        }
        auto& part = part_of[root(flows.path_of(flow).front())];
        if (part == parent.size()) {
            part = parts.size();
            parts.emplace_back();
        }
        parts[part].push_back(flow);
    }
    return parts;
}

}  // namespace

FlowResult run_flows(FlowSet const& flows, FlowTurns const& turns, FlowOptions const& options) {
    MOEWIRE_EXPECT(flows.size() < no_turn);
    MOEWIRE_EXPECT(
        std::all_of(flows.bytes.begin(), flows.bytes.end(), [](double bytes) { return bytes > 0; }));
    MaxMin rates(flows);
    if (!turns.is_empty()) {
        std::vector<std::uint32_t> all(flows.size());
        std::iota(all.begin(), all.end(), 0);
        return Run(flows, turns, options, all, rates).run();
    }
    FlowResult result;
    for (auto const& part : apart(flows)) {
        auto const one = Run(flows, turns, options, part, rates).run();
        result.time_s = std::max(result.time_s, one.time_s);
        result.windows += one.windows;
        result.solutions += one.solutions;
    }
    return result;
}

}  // namespace moewire
