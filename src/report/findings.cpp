#include "report/findings.hpp"

#include <algorithm>
#include <iterator>

#include "report/report.hpp"
#include "report/sentences.hpp"
#include "report/telling.hpp"

namespace moewire {
namespace {

void append(std::vector<Sentence>& all, std::vector<Sentence> more) {
    std::move(more.begin(), more.end(), std::back_inserter(all));
}

Run analyse(Trace trace, std::string name) {
    Run run;
    run.name = std::move(name);
    run.groups = group_cases(trace);
    run.accuracy = model_accuracy(run.groups);
    if (auto headline = say_headline(run.groups); !headline.text.empty())
        run.answers.push_back(std::move(headline));
    append(run.answers, say_answers(run.groups));
    append(run.answers, say_quality(run.groups));
    append(run.answers, say_binding(run.groups));
    append(run.answers, say_late(run.groups));
    append(run.answers, say_slopes(run.groups));
    append(run.answers, say_accuracy(run.accuracy, run.groups));
    run.limits = say_limits(trace, run.groups);
    run.expectations = seed_expectations(trace, run.groups);
    run.trace = std::move(trace);
    return run;
}

}  // namespace

Findings find(std::vector<Trace> traces) {
    Findings findings;
    auto const names = run_names(traces);
    findings.provenance = provenance_differences(traces);
    for (std::size_t i = 0; i < traces.size(); ++i)
        findings.runs.push_back(analyse(std::move(traces[i]), names[i]));
    for (std::size_t i = 1; i < findings.runs.size(); ++i) {
        auto more = differences_between(findings.runs.front().groups, findings.runs[i].groups, i);
        std::move(more.begin(), more.end(), std::back_inserter(findings.differences));
    }
    return findings;
}

std::filesystem::path picture_folder(Findings const& findings, std::size_t run) {
    std::filesystem::path const folder = "plots";
    return findings.runs.size() == 1 ? folder : folder / ("run_" + std::to_string(run + 1));
}

std::vector<Sentence> most_important(Run const& run) {
    std::vector<Sentence> chosen;
    auto const take = [&](std::vector<Sentence> const& from, std::string_view topic) {
        if (chosen.size() >= 3) return;
        auto const found =
            std::find_if(from.begin(), from.end(), [&](Sentence const& s) { return s.topic == topic; });
        if (found != from.end()) chosen.push_back(*found);
    };
    take(run.answers, "headline");
    take(run.answers, "prediction");
    take(run.limits, "unmeasured");
    take(run.limits, "limit");
    take(run.answers, "cost");
    take(run.answers, "binding");
    take(run.limits, "samples");
    return chosen;
}

}  // namespace moewire
