#include "report/timeline.hpp"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.hpp"
#include "trace/schema.hpp"

namespace moewire {
namespace {

// Minor version that brought timelines.
constexpr char const* first_schema = "1.2";

bool is_exchange(std::string const& step) {
    return step == "dispatch" || step == "combine" || step == "migrate";
}

// Position among the kept passes. The median is nearest rank, by the slowest rank's time.
std::size_t choose_pass(PassTimeline const& t, Grid<double, 2> const& start_s, Grid<double, 2> const& end_s,
                        std::optional<std::int64_t> iteration) {
    if (iteration) {
        auto const found = std::find(t.kept.begin(), t.kept.end(), *iteration);
        if (found != t.kept.end()) return static_cast<std::size_t>(found - t.kept.begin());
        throw usage_error(fmt::format(
            "case {} keeps no timeline of iteration {} (few passes are kept, so that traces stay small); use "
            "one of: {}",
            t.key, *iteration, fmt::join(t.kept, ", ")));
    }
    std::vector<double> slowest_s(t.kept.size());
    std::vector<std::size_t> order(t.kept.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    for (auto const pass : order) {
        for (std::size_t r = 0; r < start_s.extent(1); ++r)
            slowest_s[pass] = std::max(slowest_s[pass], end_s(pass, r) - start_s(pass, r));
    }
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return slowest_s[a] < slowest_s[b]; });
    return order[(order.size() - 1) / 2];
}

// One step of one layer on all ranks.
void add_step(std::vector<StepSpan> step, PassTimeline& timeline) {
    std::vector<double> entered_s, left_s;
    for (auto const& span : step) entered_s.push_back(span.start_s), left_s.push_back(span.end_s);
    auto const since_s = moving_since(entered_s, left_s);
    for (std::size_t rank = 0; rank < step.size(); ++rank) {
        auto& span = step[rank];
        if (span.start_s == 0 && span.end_s == 0) continue;  // did not run
        span.moves_s = span.is_exchange ? since_s[rank] : span.start_s;
        timeline.spans.push_back(std::move(span));
    }
}

// Rows of this layer that leave `rank` for others and come to it from others, in the dispatch.
void add_bytes(Grid<std::uint64_t, 3> const& bytes, StepSpan& span) {
    for (std::size_t peer = 0; peer < bytes.extent(1); ++peer) {
        if (peer == span.rank) continue;
        auto const out = bytes(span.layer, span.rank, peer), in = bytes(span.layer, peer, span.rank);
        span.sent_bytes += span.step == "dispatch" ? out : in;
        span.received_bytes += span.step == "dispatch" ? in : out;
    }
}

void add_spans(Record const& record, std::size_t pass, PassTimeline& timeline) {
    auto const start_s = to_grid<double, 4>(record.at("timeline/start_s"));
    auto const end_s = to_grid<double, 4>(record.at("timeline/end_s"));
    auto const* const traffic = record.find("traffic_bytes");
    Grid<std::uint64_t, 3> bytes;
    if (traffic != nullptr) bytes = to_grid<std::uint64_t, 3>(*traffic);
    timeline.layers = start_s.extent(1);
    for (std::size_t layer = 0; layer < timeline.layers; ++layer) {
        for (std::size_t s = 0; s < start_s.extent(2); ++s) {
            auto const name = record.text(fmt::format("step_{}", s));
            std::vector<StepSpan> step;
            for (std::size_t rank = 0; rank < timeline.ranks(); ++rank) {
                step.push_back({name, layer, rank, start_s(pass, layer, s, rank), end_s(pass, layer, s, rank),
                                is_exchange(name)});
                if (!bytes.empty() && (name == "dispatch" || name == "combine"))
                    add_bytes(bytes, step.back());
            }
            add_step(std::move(step), timeline);
        }
    }
    std::stable_sort(timeline.spans.begin(), timeline.spans.end(), [](auto const& a, auto const& b) {
        return a.rank != b.rank ? a.rank < b.rank : a.start_s < b.start_s;
    });
}

std::vector<std::string> cases_with_timeline(Trace const& trace) {
    std::vector<std::string> keys;
    for (auto const& record : trace.cases) {
        if (has_timeline(record)) keys.push_back(place::key_of(record.path));
    }
    return keys;
}

}  // namespace

bool has_timeline(Record const& record) {
    auto const* const iterations = record.find("timeline/iteration");
    return iterations != nullptr && iterations->size() > 0;
}

Record const& timeline_case(Trace const& trace, std::string const& key) {
    auto const keys = cases_with_timeline(trace);
    if (keys.empty()) {
        throw input_error("timeline",
                          fmt::format("{} holds no timeline (its schema is {}; timelines came with {}, and "
                                      "measured cases of mode in_model alone have one); measure again with "
                                      "--mode in_model",
                                      trace.path.string(), trace.root.text("schema_version"), first_schema));
    }
    auto const wanted = key.empty() ? keys.front() : key;
    for (auto const& record : trace.cases) {
        if (place::key_of(record.path) != wanted) continue;
        if (has_timeline(record)) return record;
        throw input_error("timeline",
                          fmt::format("case {} has no timeline (measured cases of mode in_model alone have "
                                      "one); use one of: {}",
                                      wanted, fmt::join(keys, ", ")));
    }
    throw usage_error(fmt::format("unknown case '{}'; use one of: {}", wanted, fmt::join(keys, ", ")));
}

PassTimeline read_timeline(Record const& record, std::optional<std::int64_t> iteration) {
    PassTimeline timeline;
    timeline.key = place::key_of(record.path);
    if (record.has("batches")) timeline.batches = static_cast<std::size_t>(record.integer("batches"));
    auto const kept = to_grid<std::int32_t, 1>(record.at("timeline/iteration"));
    timeline.kept.assign(kept.values().begin(), kept.values().end());
    auto const start_s = to_grid<double, 2>(record.at("timeline/pass_start_s"));
    auto const end_s = to_grid<double, 2>(record.at("timeline/pass_end_s"));
    auto const pass = choose_pass(timeline, start_s, end_s, iteration);
    timeline.iteration = timeline.kept[pass];
    timeline.start_s.assign(start_s.row(pass).begin(), start_s.row(pass).end());
    timeline.end_s.assign(end_s.row(pass).begin(), end_s.row(pass).end());
    add_spans(record, pass, timeline);
    return timeline;
}

std::vector<double> moving_since(std::vector<double> const& entered_s, std::vector<double> const& left_s) {
    double const last_entry_s = *std::max_element(entered_s.begin(), entered_s.end());
    std::vector<double> since_s;
    for (double const left : left_s) since_s.push_back(std::min(last_entry_s, left));
    return since_s;
}

}  // namespace moewire
