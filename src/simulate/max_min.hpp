// Who gets how much of what is shared? Weighted max-min rates by progressive filling: no flow can get more
// without one that has no more than it losing some.
//
// The resource that is full at the lowest rate per weight decides for its flows; what they leave elsewhere is
// shared by the others. Each flow is decided once, so that a call costs about the length of all paths.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace moewire {

// What many flows have in common.
struct FlowKind {
    double weight = 1;  // whole, so that sums of weights are exact
    double most_bytes_per_s = std::numeric_limits<double>::infinity();
    double latency_s = 0;  // before its first byte counts
    friend bool operator==(FlowKind const&, FlowKind const&) = default;
};

// Flows, what each crosses, and what those resources carry.
struct FlowSet {
    std::vector<double> rates_bytes_per_s;  // Shape: [resource]
    std::vector<FlowKind> kinds;
    std::vector<double> bytes;               // Shape: [flow]
    std::vector<std::uint32_t> kind;         // Shape: [flow], index into kinds
    std::vector<std::size_t> path_begin{0};  // Shape: [flow + 1], into path
    std::vector<std::uint32_t> path;         // resources; a flow without any has a rate of its own

    std::size_t size() const { return bytes.size(); }
    std::span<std::uint32_t const> path_of(std::size_t flow) const {
        return {path.data() + path_begin[flow], path.data() + path_begin[flow + 1]};
    }
    void add(double flow_bytes, std::uint32_t flow_kind, std::span<std::size_t const> resources);
};

class MaxMin {
  public:
    explicit MaxMin(FlowSet const& flows);

    // Together in half a cache line: a solution looks at flows in the order of their resources, not of
    // memory.
    struct State {
        double remaining_bytes = 0;
        double rate_bytes_per_s = 0;
        std::uint32_t kind = 0, hops = 0;
        std::array<std::uint32_t, 2> first_hops{};  // longer paths lie in the set of flows
    };
    std::vector<State>& states() { return states_; }

    void start(std::uint32_t flow);
    void stop(std::uint32_t flow);

    // Rates of all started flows; within `window_s` none may send more than it has left. Infinite: no such
    // limit.
    void solve(std::span<std::uint32_t const> active, double window_s);

    // A lower limit of the rate that the flow will get.
    double share_bytes_per_s(std::uint32_t flow) const;

  private:
    std::span<std::uint32_t const> path_of(std::uint32_t flow) const;
    double weight_of(State const& state) const { return flows_.kinds[state.kind].weight; }
    double limit_of(State const& state) const;
    void decide(std::uint32_t flow, double rate_bytes_per_s);
    void fill(std::uint32_t resource);
    double level_of(std::uint32_t resource) const;
    void collect(std::uint32_t resource);

    FlowSet const& flows_;
    std::vector<State> states_;
    std::vector<std::uint32_t> members_;  // flows of every resource, each with room for all
    std::vector<std::size_t> begin_, end_;
    std::vector<double> weight_;  // of started flows, by resource
    std::vector<double> left_bytes_per_s_, left_weight_;
    struct Entry {
        double level;
        std::uint32_t resource;
        bool operator<(Entry const& other) const { return level > other.level; }
    };
    std::vector<Entry> heap_;
    std::vector<std::uint32_t> open_;  // undecided flows of the resource at hand
    double window_s_ = 0;
};

}  // namespace moewire
