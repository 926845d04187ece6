#include "bench/profiling.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/file.hpp"
#include "bench/places.hpp"
#include "bench/profile_figures.hpp"
#include "bench/profile_report.hpp"
#include "bench/profile_routing.hpp"
#include "system/agreement.hpp"

namespace moewire {
namespace {

// All texts are read before the first is routed: an unknown name must not cost the time of those before it.
std::vector<ProfileText> read_texts(Subject const& subject, std::string const& datasets, Split split,
                                    ProfileRequest const& request) {
    std::vector<ProfileText> texts;
    for (auto const& dataset : split_list(datasets, "--dataset")) {
        auto const text = tokenise(subject, dataset, split);
        auto const same = [&](ProfileText const& other) { return other.name == text.text.dataset; };
        if (std::any_of(texts.begin(), texts.end(), same)) {
            throw usage_error(fmt::format(
                "--dataset names '{}' twice (its results would overwrite each other); name it once",
                dataset));
        }
        texts.push_back(
            {text.text.dataset, disjoint_windows(text.tokens, request.max_length, request.max_samples)});
    }
    return texts;
}

// Splits the asked rank counts into those that the experts suffice for, and the others.
struct RankCounts {
    std::vector<std::int32_t> used, left_out;
};

RankCounts usable_ranks(std::string const& list, std::int32_t experts) {
    RankCounts counts;
    for (auto const ranks : rank_counts_of(list)) {
        (ranks <= experts ? counts.used : counts.left_out).push_back(ranks);
    }
    return counts;
}

Json statistics(Subject const& subject, ProfileText const& text, Split split, RoutedText const& routed,
                ProfileRequest const& request) {
    auto const ranks = usable_ranks(request.ranks_at, subject.facts().experts);
    Json json;
    json["model"] = subject.facts().name;
    json["synthetic"] = subject.facts().is_synthetic;
    json["dataset"] = text.name;
    json["split"] = std::string(name_of(split));
    json["windows"] = text.windows.windows();
    json["window_tokens"] = request.max_length;
    json["ranks_at"] = ranks.used;
    json["ranks_left_out"] = ranks.left_out;
    json.update(profile_figures(routed, subject.facts(), ranks.used));
    json["batches"]["batch_windows"] = routed.batch_tokens / request.max_length;
    return json;
}

// One text alone keeps the shape of the file; several lie below `domains`, the first also on top.
Json combine(Json const& domains) {
    Json json = domains.front();
    if (domains.size() > 1) json["domains"] = domains;
    return json;
}

std::string report_of(Json const& domains) {
    std::string text;
    for (auto const& [name, domain] : domains.items()) {
        text += (text.empty() ? "" : "\n\n") + profile_report(domain);
    }
    return domains.size() > 1 ? text + "\n" + compare_domains(domains) : text;
}

}  // namespace

std::vector<std::int32_t> rank_counts_of(std::string const& list) {
    std::vector<std::int32_t> counts;
    for (auto const& part : split_list(list, "--ranks_at")) {
        std::int32_t count = 0;
        auto const [end, problem] = std::from_chars(part.data(), part.data() + part.size(), count);
        if (problem != std::errc{} || end != part.data() + part.size() || count < 2) {
            throw usage_error(
                fmt::format("--ranks_at holds '{}' (at least two ranks are needed to compare "
                            "their loads); use whole numbers from 2 on, such as 2,4,8",
                            part));
        }
        counts.push_back(count);
    }
    std::sort(counts.begin(), counts.end());
    counts.erase(std::unique(counts.begin(), counts.end()), counts.end());
    return counts;
}

void check(ProfileRequest const& request) {
    rank_counts_of(request.ranks_at);
    if (request.batch_windows < 1) {
        throw usage_error(
            fmt::format("--batch_windows is {} (a batch holds at least one window); use 1 or more",
                        request.batch_windows));
    }
}

Json profile(Context const& context, Subject& subject, PlainParallel const& parallel,
             std::string const& datasets, Split split, ProfileRequest const& request) {
    auto const& world = context.world;
    std::vector<ProfileText> texts;
    std::filesystem::path const folder = request.output_dir;
    run_on_all(world, [&] {
        check(request);
        texts = read_texts(subject, datasets, split, request);
        if (world.is_root()) ensure_writable_folder(folder);
    });
    Json domains, json;
    for (auto const& text : texts) {
        auto const routed = route_text(context, subject, parallel, text, request.batch_windows);
        run_on_all(world, [&] {
            if (world.is_root()) domains[text.name] = statistics(subject, text, split, routed, request);
        });
    }
    run_on_all(world, [&] {
        if (!world.is_root()) return;
        json = combine(domains);
        write_file(folder / "expert_assignment_stats.json", to_text(json));
        write_file(folder / "profiling_report.txt", report_of(domains));
        if (!request.no_plots) draw("profile", folder / "expert_assignment_stats.json", folder / "plots");
    });
    return json;
}

}  // namespace moewire
