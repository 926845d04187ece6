#include "bench/resuming.hpp"

#include <algorithm>
#include <set>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.hpp"
#include "base/json.hpp"
#include "trace/remains.hpp"
#include "trace/schema.hpp"

namespace moewire {
namespace {

std::set<std::string> lines_of(std::string const& text) {
    std::set<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
        if (!line.empty()) lines.insert(line);
    }
    return lines;
}

void require_same(Record const& root, Context const& context, MeasureRequest const& request) {
    auto const ranks = root.integer("ranks");
    if (ranks != context.world.size())
        throw usage_error(
            fmt::format("{} was begun by {} ranks, here are {} (their exchanges differ); start "
                        "as many, or choose another --output",
                        request.output, ranks, context.world.size()));
    if (!root.has("options"))
        throw usage_error(
            fmt::format("{} does not say with which options it was begun (an older program "
                        "wrote it); keep its cases by `moewire trace recover`",
                        request.output));
    auto const before = lines_of(root.text("options")), now = lines_of(options_text(request));
    std::vector<std::string> differing;
    std::set_symmetric_difference(before.begin(), before.end(), now.begin(), now.end(),
                                  std::back_inserter(differing));
    if (differing.empty()) return;
    throw usage_error(
        fmt::format("{} was begun with other options (their cases cannot be compared): {}; give "
                    "the same, or choose another --output",
                    request.output, fmt::join(differing, " | ")));
}

Json attributes_of(Record const& record) {
    Json json = Json::object();
    for (auto const& [name, value] : record.attributes)
        std::visit([&](auto const& v) { json[name] = v; }, value);
    return json;
}

}  // namespace

KeptRun read_kept(Context const& context, MeasureRequest const& request) {
    KeptRun kept;
    if (!request.resume || !context.world.is_root()) return kept;
    auto const remains = read_remains(request.output);
    auto const* const root = remains.root();
    if (root == nullptr) return kept;  // killed before its first record, or never begun
    require_same(*root, context, request);
    kept.is_resumed = true;
    kept.was_whole = remains.is_whole;
    kept.records = without_partial_groups(remains.records);
    for (auto const& group : groups_of(kept.records)) kept.whole_groups.push_back(group.name);
    return kept;
}

Record resumed_root(KeptRun const& kept, Record const& fresh) {
    auto const root = std::find_if(kept.records.begin(), kept.records.end(),
                                   [](Record const& r) { return r.path == place::root; });
    Record result = root == kept.records.end() ? fresh : *root;
    auto sessions = result.has("sessions") ? Json::parse(result.text("sessions")) : Json::array();
    Json session{{"root", attributes_of(fresh)}, {"groups_kept", kept.whole_groups}};
    for (auto const& record : kept.records) {
        if (record.path == place::calibration) session["calibration_before"] = attributes_of(record);
    }
    sessions.push_back(session);
    result.attributes["sessions"] = sessions.dump(-1, ' ', false, Json::error_handler_t::replace);
    return result;
}

void count_kept(Context const& context, KeptRun const& kept, MeasureOutcome& outcome) {
    std::int64_t ok = 0, waived = 0;
    for (auto const& record : kept.records) {
        if (place::is_case(record.path)) ++(record.text("status") == status::ok ? ok : waived);
    }
    outcome.ok = static_cast<int>(context.world.sum(ok));
    outcome.waived = static_cast<int>(context.world.sum(waived));
    outcome.kept = outcome.ok + outcome.waived;
    outcome.was_whole = context.world.max(std::int64_t{kept.was_whole}) > 0;
}

}  // namespace moewire
