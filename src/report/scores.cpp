#include "report/scores.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "report/exchanges.hpp"

namespace moewire {
namespace {

constexpr std::array directions{"dispatch", "combine"};

ModelScore score_model(Record const& record, std::string const& model) {
    ModelScore score;
    double measured_sum_s = 0;
    for (auto const* direction : directions) {
        auto const read = [&](char const* what) {
            return to_grid<double, 1>(record.at(std::string("predicted/") + direction + "/" + model + what))
                .values();
        };
        auto const time_s = read("_s"), low_s = read("_low_s"), high_s = read("_high_s");
        auto const measured_s = layer_medians(record, direction);
        for (std::size_t l = 0; l < time_s.size(); ++l) {
            score.predicted_s += time_s[l];
            measured_sum_s += measured_s[l];
            score.errors.push_back(time_s[l] / measured_s[l] - 1);
            score.has_interval = score.has_interval || low_s[l] < high_s[l];
            score.inside += low_s[l] <= measured_s[l] && measured_s[l] <= high_s[l] ? 1 : 0;
        }
    }
    score.error = score.predicted_s / measured_sum_s - 1;
    return score;
}

}  // namespace

std::vector<double> layer_medians(Record const& record, std::string const& direction) {
    auto const samples = to_grid<double, 3>(record.at("measured/" + direction + "_transfer_s"));
    std::vector<double> medians;
    for (std::size_t l = 0; l < samples.extent(1); ++l) {
        std::vector<double> slowest;
        for (std::size_t i = 0; i < samples.extent(0); ++i)
            slowest.push_back(*std::ranges::max_element(samples.row(i, l)));
        medians.push_back(median(slowest));
    }
    return medians;
}

std::map<std::string, ModelScore> scores_of(Record const& record) {
    std::map<std::string, ModelScore> scores;
    for (auto const& model : predicting_models(record)) scores.emplace(model, score_model(record, model));
    return scores;
}

std::map<std::string, ModelScore> rule_scores_of(Record const& record,
                                                 std::vector<UniformPoint> const& uniform) {
    auto measured_s = layer_medians(record, directions[0]);
    auto const back_s = layer_medians(record, directions[1]);
    measured_s.insert(measured_s.end(), back_s.begin(), back_s.end());
    std::map<std::string, ModelScore> scores;
    for (auto const& [rule, times_s] : simple_rules_of(record, uniform)) {
        if (times_s.size() != measured_s.size()) continue;
        auto& score = scores[rule];
        score.is_rule = true;
        double measured_sum_s = 0;
        for (std::size_t i = 0; i < times_s.size(); ++i) {
            score.predicted_s += times_s[i];
            measured_sum_s += measured_s[i];
            score.errors.push_back(times_s[i] / measured_s[i] - 1);
        }
        score.error = score.predicted_s / measured_sum_s - 1;
    }
    return scores;
}

std::vector<ModelAccuracy> model_accuracy(std::vector<Group> const& groups) {
    struct Collected {
        std::vector<double> signed_errors, sizes;
        int inside = 0;
        bool has_interval = false, is_rule = false;
    };
    std::map<std::pair<std::string, std::string>, Collected> by_mode_and_model;
    for (auto const& group : groups) {
        for (auto const& one : group.cases) {
            for (auto const& [name, score] : one.models) {
                auto& collected = by_mode_and_model[{group.mode, name}];
                collected.inside += score.inside;
                collected.has_interval = collected.has_interval || score.has_interval;
                collected.is_rule = score.is_rule;
                for (double const error : score.errors) {
                    collected.signed_errors.push_back(error);
                    collected.sizes.push_back(std::abs(error));
                }
            }
        }
    }
    std::vector<ModelAccuracy> all;
    for (auto const& [key, c] : by_mode_and_model) {
        ModelAccuracy accuracy;
        accuracy.mode = key.first;
        accuracy.model = key.second;
        accuracy.exchanges = c.sizes.size();
        accuracy.median_error = median(c.sizes);
        accuracy.p95_error = percentile(c.sizes, 0.95);
        accuracy.bias = median(c.signed_errors);
        accuracy.coverage = c.inside / static_cast<double>(c.sizes.size());
        accuracy.has_interval = c.has_interval;
        accuracy.is_rule = c.is_rule;
        all.push_back(std::move(accuracy));
    }
    // Replay first: there the calibration was made. Rules behind the cost models.
    std::stable_sort(all.begin(), all.end(), [](auto const& a, auto const& b) {
        return a.mode != b.mode ? a.mode > b.mode : a.is_rule < b.is_rule;
    });
    return all;
}

}  // namespace moewire
