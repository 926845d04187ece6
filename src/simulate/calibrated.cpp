#include "simulate/calibrated.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "base/contract.hpp"
#include "base/error.hpp"
#include "base/statistics.hpp"

namespace moewire {
namespace {

constexpr std::array<std::string_view, 3> spread_names{"any", "few pairs", "most pairs"};

}  // namespace

double CalibratedModel::time_s(ExchangeLoad const& load) const {
    if (load.is_empty()) return empty_s;
    double const channel_s = load.channel_bytes > 0
                                 ? channel_start_s + load.fill_bytes * channel_fill_s_per_byte +
                                       load.channel_bytes * channel_s_per_byte
                                 : 0;
    double longest_s = channel_s;
    for (auto const& [name, bytes] : load.bytes) {
        auto const rate = rate_bytes_per_s.find(name);
        if (rate != rate_bytes_per_s.end())
            longest_s = std::max(longest_s, (bytes - credit_bytes) / rate->second);
    }
    double powers = longest_s > 0 ? std::pow(channel_s / longest_s, sharpness) : 0;
    for (auto const& [name, bytes] : load.bytes) {
        auto const rate = rate_bytes_per_s.find(name);
        if (longest_s > 0 && rate != rate_bytes_per_s.end())
            powers += std::pow(std::max(0.0, bytes - credit_bytes) / rate->second / longest_s, sharpness);
    }
    double const moved_s = longest_s > 0 ? longest_s * std::pow(powers, 1 / sharpness) : 0;
    double const start_s =
        floor_s + load.eager_messages * eager_message_s + load.rendezvous_messages * rendezvous_message_s;
    double const longer_s = std::max(start_s, moved_s);
    if (!(longer_s > 0)) return 0;
    return longer_s * std::pow(std::pow(start_s / longer_s, overlap) + std::pow(moved_s / longer_s, overlap),
                               1 / overlap);
}

std::string_view name_of(Spread spread) {
    return spread_names.at(static_cast<std::size_t>(spread));
}

Spread spread_named(std::string const& name) {
    auto const found = std::find(spread_names.begin(), spread_names.end(), name);
    if (found == spread_names.end())
        throw input_error("calibration",
                          fmt::format("unknown spread '{}' (no such is known); calibrate anew", name));
    return static_cast<Spread>(found - spread_names.begin());
}

Spread spread_of(ExchangeLoad const& load) {
    return load.pairs > 0.5 ? Spread::most_pairs : Spread::few_pairs;
}

RegimeTrust const& CalibratedModel::trust_in(ExchangeLoad const& load) const {
    MOEWIRE_EXPECT(!trust.empty());
    auto const found = trust.lower_bound(load.regime);
    auto const& bands = found == trust.end() ? trust.rbegin()->second : found->second;
    RegimeTrust const* band = nullptr;
    for (auto const& one : bands) {
        if (one.spread != Spread::any && one.spread != spread_of(load)) continue;
        if (band == nullptr || load.busiest_bytes > band->most_bytes) band = &one;
    }
    return band == nullptr ? bands.back() : *band;
}

double CalibratedModel::widening(ExchangeLoad const& load) const {
    double factor = 1;
    if (load.busiest_bytes > hull.most_bytes) factor += std::log2(load.busiest_bytes / hull.most_bytes);
    if (load.busiest_bytes > 0 && load.busiest_bytes < hull.least_bytes)
        factor += std::log2(hull.least_bytes / load.busiest_bytes);
    double const messages = load.eager_messages + load.rendezvous_messages;
    if (messages > hull.most_messages) factor += messages / hull.most_messages - 1;
    return factor;
}

std::span<double const> ProbeResult::part(std::size_t index) const {
    MOEWIRE_EXPECT(index < parts && samples_s.size() % parts == 0);
    auto const length = samples_s.size() / parts;
    return std::span(samples_s).subspan(index * length, length);
}

double ProbeResult::typical_s() const {
    if (samples_s.empty()) return 0;
    double logs = 0;
    for (std::size_t i = 0; i < parts; ++i) logs += std::log(median(part(i)));  // log(0): exp gives 0 again
    return std::exp(logs / static_cast<double>(parts));
}

CalibratedModel carried_to(CalibratedModel model, Topology const& topology) {
    if (model.limits.nccl) model.limits.nccl = among_ranks(*model.limits.nccl, topology);
    model.is_carried = true;
    return model;
}

double level_of_one(double fraction, int ranks) {
    MOEWIRE_EXPECT(ranks > 0);
    return std::pow(fraction, 1.0 / ranks);
}

}  // namespace moewire
