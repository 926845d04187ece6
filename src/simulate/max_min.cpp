#include "simulate/max_min.hpp"

#include <algorithm>
#include <cmath>

#include "base/contract.hpp"

namespace moewire {
namespace {

constexpr double undecided = -1, stopped = -2;
constexpr double hardly_more = 1 + 1e-12;

}  // namespace

void FlowSet::add(double flow_bytes, std::uint32_t flow_kind, std::span<std::size_t const> resources) {
    bytes.push_back(flow_bytes);
    kind.push_back(flow_kind);
    for (auto const resource : resources) path.push_back(static_cast<std::uint32_t>(resource));
    path_begin.push_back(path.size());
}

MaxMin::MaxMin(FlowSet const& flows)
    : flows_(flows),
      states_(flows.size()),
      members_(flows.path.size()),
      begin_(flows.rates_bytes_per_s.size() + 1),
      weight_(flows.rates_bytes_per_s.size()),
      left_bytes_per_s_(flows.rates_bytes_per_s.size()),
      left_weight_(flows.rates_bytes_per_s.size()) {
    for (auto const resource : flows.path) ++begin_[resource + 1];
    for (std::size_t i = 1; i < begin_.size(); ++i) begin_[i] += begin_[i - 1];
    end_.assign(begin_.begin(), begin_.end() - 1);
    for (std::size_t flow = 0; flow < flows.size(); ++flow) {
        auto const path = flows.path_of(flow);
        states_[flow] = {flows.bytes[flow], 0, flows.kind[flow], static_cast<std::uint32_t>(path.size()), {}};
        if (path.size() <= 2) std::copy(path.begin(), path.end(), states_[flow].first_hops.begin());
    }
}

std::span<std::uint32_t const> MaxMin::path_of(std::uint32_t flow) const {
    auto const& state = states_[flow];
    return state.hops <= 2 ? std::span(state.first_hops).first(state.hops) : flows_.path_of(flow);
}

void MaxMin::start(std::uint32_t flow) {
    for (auto const resource : path_of(flow)) {
        weight_[resource] += weight_of(states_[flow]);
        members_[end_[resource]++] = flow;
    }
    states_[flow].rate_bytes_per_s = share_bytes_per_s(flow);
}

void MaxMin::stop(std::uint32_t flow) {
    for (auto const resource : path_of(flow)) weight_[resource] -= weight_of(states_[flow]);
    states_[flow].rate_bytes_per_s = stopped;
}

double MaxMin::share_bytes_per_s(std::uint32_t flow) const {
    auto const& kind = flows_.kinds[states_[flow].kind];
    double share = kind.most_bytes_per_s;
    for (auto const resource : path_of(flow))
        share = std::min(share, flows_.rates_bytes_per_s[resource] / weight_[resource] * kind.weight);
    return share;
}

double MaxMin::limit_of(State const& state) const {
    double const most = flows_.kinds[state.kind].most_bytes_per_s;
    return std::isinf(window_s_) ? most : std::min(most, state.remaining_bytes / window_s_);
}

void MaxMin::decide(std::uint32_t flow, double rate_bytes_per_s) {
    double const weight = weight_of(states_[flow]);
    states_[flow].rate_bytes_per_s = rate_bytes_per_s;
    for (auto const resource : path_of(flow)) {
        left_bytes_per_s_[resource] -= rate_bytes_per_s;
        left_weight_[resource] -= weight;
    }
}

double MaxMin::level_of(std::uint32_t resource) const {
    return std::max(0.0, left_bytes_per_s_[resource]) / left_weight_[resource];
}

// Undecided flows of the resource; those that have stopped leave its list.
void MaxMin::collect(std::uint32_t resource) {
    open_.clear();
    constexpr std::size_t ahead = 16;
    auto const begin = begin_[resource], end = end_[resource];
    auto kept = begin;
    for (auto i = begin; i < end; ++i) {
        if (i + ahead < end) __builtin_prefetch(&states_[members_[i + ahead]]);
        auto const flow = members_[i];
        double const rate = states_[flow].rate_bytes_per_s;
        if (rate == undecided) open_.push_back(flow);
        if (rate != stopped) members_[kept++] = flow;
    }
    end_[resource] = kept;
}

// The resource is the next to be full, unless some of its flows want less than their share.
void MaxMin::fill(std::uint32_t resource) {
    collect(resource);
    for (bool is_full = false; !is_full && !open_.empty();) {
        double const level = level_of(resource);
        is_full = true;
        std::size_t kept = 0;
        for (auto const flow : open_) {
            auto const& state = states_[flow];
            double const limit = limit_of(state);
            if (limit < level * weight_of(state)) {
                decide(flow, limit);
                is_full = false;
            } else {
                open_[kept++] = flow;
            }
        }
        open_.resize(kept);
        // Others may be full before it now.
        if (!is_full && kept > 0 && !heap_.empty() &&
            level_of(resource) > heap_.front().level * hardly_more) {
            heap_.push_back({level_of(resource), resource});
            std::push_heap(heap_.begin(), heap_.end());
            return;
        }
    }
    double const level = level_of(resource);
    for (auto const flow : open_) decide(flow, level * weight_of(states_[flow]));
}

void MaxMin::solve(std::span<std::uint32_t const> active, double window_s) {
    window_s_ = window_s;
    left_bytes_per_s_ = flows_.rates_bytes_per_s;
    left_weight_ = weight_;
    for (auto const flow : active) {
        states_[flow].rate_bytes_per_s = undecided;
        if (states_[flow].hops == 0) states_[flow].rate_bytes_per_s = limit_of(states_[flow]);
    }
    heap_.clear();
    for (std::uint32_t resource = 0; resource < weight_.size(); ++resource)
        if (left_weight_[resource] > 0) heap_.push_back({level_of(resource), resource});
    std::make_heap(heap_.begin(), heap_.end());
    while (!heap_.empty()) {
        auto const [level, resource] = heap_.front();
        std::pop_heap(heap_.begin(), heap_.end());
        heap_.pop_back();
        if (!(left_weight_[resource] > 0)) continue;
        // Levels only rise while others are decided: what was noted is a lower limit.
        if (level_of(resource) > level * hardly_more && !heap_.empty()) {
            heap_.push_back({level_of(resource), resource});
            std::push_heap(heap_.begin(), heap_.end());
        } else {
            fill(resource);
        }
    }
}

}  // namespace moewire
