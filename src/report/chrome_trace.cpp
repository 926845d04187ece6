#include "report/chrome_trace.hpp"

#include <cmath>

#include <fmt/format.h>

namespace moewire {
namespace {

enum class Lane { pass, compute, packing, wait, transfer };
constexpr int lane_count = 5;

char const* name_of(Lane lane) {
    constexpr char const* names[lane_count] = {"pass", "compute", "packing", "wait", "transfer"};
    return names[static_cast<int>(lane)];
}

Lane lane_of(std::string const& step) {
    return step == "counts" || step == "permute" || step == "unpermute" ? Lane::packing : Lane::compute;
}

// Viewers keep 0 for the idle process, and some know a thread by its id alone.
int process_of(std::size_t rank) {
    return static_cast<int>(rank) + 1;
}
int thread_of(std::size_t rank, Lane lane) {
    return 10 * process_of(rank) + static_cast<int>(lane);
}

// Whole nanoseconds: rounding edges instead of lengths keeps neighbours from overlapping.
std::int64_t ns(double seconds) {
    return std::llround(seconds * 1e9);
}
double us(std::int64_t nanoseconds) {
    return static_cast<double>(nanoseconds) / 1e3;
}

Json event(std::string const& name, std::size_t rank, Lane lane, double start_s, double end_s, Json args) {
    return {{"name", name},
            {"cat", name_of(lane)},
            {"ph", "X"},
            {"ts", us(ns(start_s))},
            {"dur", us(ns(end_s) - ns(start_s))},
            {"pid", process_of(rank)},
            {"tid", thread_of(rank, lane)},
            {"args", std::move(args)}};
}

Json label(std::string const& what, std::size_t rank, Lane lane, Json args) {
    return {{"name", what},
            {"ph", "M"},
            {"ts", 0},
            {"pid", process_of(rank)},
            {"tid", thread_of(rank, lane)},
            {"args", std::move(args)}};
}

void add_labels(std::size_t rank, Json& events) {
    events.push_back(label("process_name", rank, Lane::pass, {{"name", fmt::format("rank {}", rank)}}));
    events.push_back(label("process_sort_index", rank, Lane::pass, {{"sort_index", rank}}));
    for (int lane = 0; lane < lane_count; ++lane) {
        auto const one = static_cast<Lane>(lane);
        events.push_back(label("thread_name", rank, one, {{"name", name_of(one)}}));
        events.push_back(label("thread_sort_index", rank, one, {{"sort_index", lane}}));
    }
}

void add_span(StepSpan const& span, PassTimeline const& timeline, Json& events) {
    Json args{{"layer", span.layer % timeline.layers_of_batch()}};
    if (timeline.batches > 1) args["batch"] = span.layer / timeline.layers_of_batch();
    if (!span.is_exchange) {
        events.push_back(event(span.step, span.rank, lane_of(span.step), span.start_s, span.end_s, args));
        return;
    }
    args["wait_us"] = us(ns(span.moves_s) - ns(span.start_s));
    args["transfer_us"] = us(ns(span.end_s) - ns(span.moves_s));
    if (span.step != "migrate") {
        args["sent_bytes"] = span.sent_bytes;
        args["received_bytes"] = span.received_bytes;
    }
    if (span.moves_s > span.start_s)
        events.push_back(event(span.step + " wait", span.rank, Lane::wait, span.start_s, span.moves_s, args));
    if (span.end_s > span.moves_s)
        events.push_back(
            event(span.step + " transfer", span.rank, Lane::transfer, span.moves_s, span.end_s, args));
}

}  // namespace

Json to_json(PassTimeline const& timeline, PassShares const& shares) {
    Json parts = Json::object();
    for (auto const& part : shares.parts)
        parts[part.name] = {{"mean", part.mean}, {"critical", part.critical}};
    return {{"case", timeline.key},    {"iteration", timeline.iteration},       {"ranks", timeline.ranks()},
            {"pass_s", shares.pass_s}, {"critical_rank", shares.critical_rank}, {"shares", std::move(parts)}};
}

Json chrome_trace(Trace const& trace, PassTimeline const& timeline, LayerWindow const& layers) {
    Json events = Json::array();
    for (std::size_t rank = 0; rank < timeline.ranks(); ++rank) {
        add_labels(rank, events);
        events.push_back(event("pass", rank, Lane::pass, timeline.start_s[rank], timeline.end_s[rank],
                               {{"iteration", timeline.iteration}}));
    }
    for (auto const& span : timeline.spans) {
        auto const layer = span.layer % timeline.layers_of_batch();
        if (layer >= layers.first && layer <= layers.last) add_span(span, timeline, events);
    }
    auto about = to_json(timeline, shares_of(timeline));
    about["trace"] = trace.path.filename().string();
    for (auto const* key : {"host", "cpu", "gpu", "nodes", "program_version", "clock_bound_s"}) {
        auto const found = trace.root.attributes.find(key);
        if (found == trace.root.attributes.end()) continue;
        std::visit([&](auto const& value) { about[key] = value; }, found->second);
    }
    return {{"traceEvents", std::move(events)}, {"displayTimeUnit", "ms"}, {"otherData", std::move(about)}};
}

}  // namespace moewire
