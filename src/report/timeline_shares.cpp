// Where a pass goes, in shares of each rank's own time.
#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "report/timeline.hpp"

namespace moewire {
namespace {

// In the order of a layer; steps that later programs add go behind.
constexpr std::array part_order{"migrate wait", "migrate transfer", "attention",        "router",
                                "counts",       "permute",          "dispatch wait",    "dispatch transfer",
                                "experts",      "combine wait",     "combine transfer", "unpermute",
                                "shared"};

std::size_t place_of(std::string const& part) {
    return static_cast<std::size_t>(std::find(part_order.begin(), part_order.end(), part) -
                                    part_order.begin());
}

using Seconds = std::map<std::string, std::vector<double>>;  // Shape of the values: [rank]

Seconds seconds_of(PassTimeline const& timeline) {
    Seconds seconds;
    auto const add = [&](std::string const& part, std::size_t rank, double lasted_s) {
        auto& of_ranks = seconds[part];
        of_ranks.resize(timeline.ranks());
        of_ranks[rank] += lasted_s;
    };
    std::map<std::pair<std::size_t, std::size_t>, double> counted_s;  // (layer, rank) -> end of its counts
    for (auto const& span : timeline.spans) {
        if (span.step == "counts") counted_s[{span.layer, span.rank}] = span.end_s;
    }
    for (auto const& span : timeline.spans) {
        if (!span.is_exchange) {
            add(span.step, span.rank, span.end_s - span.start_s);
            // On a GPU rows are gathered while counts travel: that time is the permutation's.
            auto const counts = counted_s.find({span.layer, span.rank});
            if (span.step == "permute" && counts != counted_s.end() && span.end_s <= counts->second)
                add("counts", span.rank, span.start_s - span.end_s);
            continue;
        }
        add(span.step + " wait", span.rank, span.moves_s - span.start_s);
        add(span.step + " transfer", span.rank, span.end_s - span.moves_s);
    }
    return seconds;
}

std::size_t least_waiting(Seconds const& seconds, std::size_t ranks) {
    std::vector<double> waited_s(ranks);
    for (auto const& [part, of_ranks] : seconds) {
        if (!part.ends_with(" wait")) continue;
        for (std::size_t rank = 0; rank < ranks; ++rank) waited_s[rank] += of_ranks[rank];
    }
    return static_cast<std::size_t>(std::min_element(waited_s.begin(), waited_s.end()) - waited_s.begin());
}

}  // namespace

PassShares shares_of(PassTimeline const& timeline) {
    auto const seconds = seconds_of(timeline);
    PassShares shares;
    shares.critical_rank = least_waiting(seconds, timeline.ranks());
    shares.pass_s = *std::max_element(timeline.end_s.begin(), timeline.end_s.end());
    PassShares::Part other{"other", 1, 1};
    for (auto const& [name, of_ranks] : seconds) {
        PassShares::Part part{name};
        for (std::size_t rank = 0; rank < timeline.ranks(); ++rank) {
            double const share = of_ranks[rank] / (timeline.end_s[rank] - timeline.start_s[rank]);
            part.mean += share / static_cast<double>(timeline.ranks());
            if (rank == shares.critical_rank) part.critical = share;
        }
        other.mean -= part.mean;
        other.critical -= part.critical;
        shares.parts.push_back(std::move(part));
    }
    std::stable_sort(shares.parts.begin(), shares.parts.end(),
                     [](auto const& a, auto const& b) { return place_of(a.name) < place_of(b.name); });
    // Rounding may leave a hair less than nothing.
    other.mean = std::max(other.mean, 0.0);
    other.critical = std::max(other.critical, 0.0);
    shares.parts.push_back(std::move(other));
    return shares;
}

}  // namespace moewire
