#include "simulate/calibrated.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/random.hpp"
#include "base/statistics.hpp"

namespace moewire {
namespace {

// Four nodes with one card each.
Topology cluster() {
    MachineDescription machine;
    machine.name = "four";
    machine.nic_out_bytes_per_s = machine.nic_in_bytes_per_s = 1e8;
    return {machine, {0, 1, 2, 3}};
}

Grid<std::uint64_t, 2> drawn(std::uint64_t seed) {
    Random random(seed, "matrix");
    Grid<std::uint64_t, 2> bytes(4, 4);
    double const scale = 512 * std::exp2(12 * random.uniform());
    for (auto& b : bytes.values())
        b = random.uniform() < 0.25 ? 0 : static_cast<std::uint64_t>(scale * (0.1 + random.uniform()));
    return bytes;
}

CalibratedModel truth() {
    CalibratedModel model;
    model.floor_s = 50e-6;
    model.eager_message_s = 4e-6;
    model.rendezvous_message_s = 60e-6;
    model.sharpness = 4;
    model.rate_bytes_per_s = {{"node # NIC in", 9e7}, {"node # NIC out", 9e7}, {"node # cores", 4e8}};
    return model;
}

std::vector<ProbeResult> probes_of(Topology const& topology, std::uint64_t first, int count, double noise) {
    std::vector<ProbeResult> probes;
    for (int i = 0; i < count; ++i) {
        auto const bytes = drawn(first + static_cast<std::uint64_t>(i));
        ProbeResult probe{"drawn", load_of({topology, bytes}, {}), {}};
        Random random(first + static_cast<std::uint64_t>(i), "noise");
        double const off = std::exp(noise * (random.uniform() + random.uniform() - 1));
        for (int sample = 0; sample < 21; ++sample)
            probe.samples_s.push_back(truth().time_s(probe.load) * off * std::exp(0.02 * random.uniform()));
        probes.push_back(probe);
    }
    return probes;
}

TEST(ExchangeLoad, CountsByHand) {
    auto const topology = cluster();
    Grid<std::uint64_t, 2> const bytes({4, 4}, {7, 100, 70000, 0, 0, 0, 0, 0, 0, 50, 0, 0, 0, 9, 0, 0});
    auto const load = load_of({topology, bytes}, {});
    EXPECT_EQ(load.bytes.at("rank # out"), 70100);
    EXPECT_EQ(load.bytes.at("rank # in"), 70000);
    EXPECT_EQ(load.bytes.at("rank # self"), 7);
    EXPECT_EQ(load.bytes.at("rank # both"), 70100);
    EXPECT_EQ(load.bytes.at("pair # both"), 70000);
    EXPECT_EQ(load.bytes.at("node # NIC out"), 70100);
    EXPECT_EQ(load.bytes.at("node # two-way"), 70100);  // nothing comes back
    EXPECT_EQ(load.bytes.at("node # cores"), 70107);
    EXPECT_EQ(load.eager_messages, 3);  // rank 1 receives three
    EXPECT_EQ(load.rendezvous_messages, 1);
    EXPECT_EQ(load.regime, Regime::mixed);
    EXPECT_EQ(load_of({topology, Grid<std::uint64_t, 2>(4, 4)}, {}).regime, Regime::nothing);
    EXPECT_EQ(load_of({topology, bytes}, {4096, 70000}).regime, Regime::eager);  // at the limit: still eager
    EXPECT_EQ(load_of({topology, bytes}, {4096, 8}).regime, Regime::rendezvous);
}

// More GPUs cut each message over fewer channels: so few start one after another that two GPUs tell what many
// take. What a host's ranks share says nothing of them.
TEST(ExchangeLoad, MessagesOfNcclStartTogetherOnTheirChannels) {
    MachineDescription machine;
    machine.rank_out_bytes_per_s = machine.rank_in_bytes_per_s = 450e9;
    constexpr std::uint64_t bytes = 1 << 20;
    for (auto const& [ranks, starts] : std::vector<std::pair<int, double>>{{2, 2}, {4, 2}, {8, 2}, {64, 4}}) {
        Topology const topology(machine, std::vector<int>(static_cast<std::size_t>(ranks)));
        EagerLimits limits;
        limits.nccl = NcclJob{.ranks = ranks, .ranks_per_node = ranks};
        Grid<std::uint64_t, 2> uniform(static_cast<std::size_t>(ranks), static_cast<std::size_t>(ranks));
        std::ranges::fill(uniform.values(), bytes);
        auto const load = load_of({topology, uniform}, limits);
        EXPECT_EQ(load.rendezvous_messages, starts) << ranks;
        EXPECT_EQ(load.eager_messages, 0) << ranks;
        EXPECT_EQ(load.bytes.at("rank # out"), static_cast<double>(bytes) * (ranks - 1)) << ranks;
        for (auto const* shared : {"node # both", "node # cores", "node # two-way", "pair # both"})
            EXPECT_EQ(load.bytes.count(shared), 0U) << ranks << " " << shared;
        uniform(0, 1) = uniform(1, 0) = 0;  // one way less is a start less for nobody who has others
        EXPECT_EQ(load_of({topology, uniform}, limits).rendezvous_messages, ranks == 2 ? 0 : starts) << ranks;
    }
}

// A go-ahead queues behind what its sender sends the other way: only where both ways are asked for first.
TEST(ExchangeLoad, WhatAConnectionCarriesBackCountsOnce) {
    Grid<std::uint64_t, 2> const bytes({4, 4}, {0, 100, 0, 30, 40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 0});
    EagerLimits const all_ask{8, 8};
    auto const load = load_of({cluster(), bytes}, all_ask);
    EXPECT_EQ(load.bytes.at("node # two-way"),
              130 + 40);  // node 0 sends 130, its connection to 1 carries 40 back
    EXPECT_EQ(load.bytes.at("node # go-ahead"), 100);
    EXPECT_EQ(load_of({cluster(), bytes}, {8, 50}).bytes.at("node # two-way"), 130);  // 40 go at once
    EXPECT_EQ(load_of({cluster(), bytes}, {}).bytes.count("node # go-ahead"), 0U);
    auto const one_node = load_of({{MachineDescription{}, {0, 0, 0, 0}}, bytes}, all_ask);
    EXPECT_EQ(one_node.bytes.at("node # two-way"), 0);
    EXPECT_EQ(one_node.bytes.count("node # go-ahead"), 0U);
}

// A rank that sends short messages answers the long ones that come to it after them.
TEST(ExchangeLoad, AnswersWaitForShortMessagesThatWereSentBefore) {
    // Rank 0 hears 5000 from each, and sends 40 to each.
    Grid<std::uint64_t, 2> const bytes({4, 4}, {0, 40, 40, 40, 5000, 0, 0, 0, 5000, 0, 0, 0, 5000, 0, 0, 0});
    auto const load = load_of({cluster(), bytes}, {100, 100});
    EXPECT_EQ(load.bytes.at("node # go-ahead"), 15000 + 120);
    EXPECT_EQ(load.bytes.at("node # two-way"), 15000);  // nothing that was asked for goes back
}

// Short messages of this machine are regular, long ones are not: each band gets the interval that it needs.
TEST(FitCalibrated, SizesOfARegimeAreTrustedApart) {
    auto const topology = cluster();
    auto probes = probes_of(topology, 0, 120, 0);
    Random random(7, "noise");
    for (auto& probe : probes) {
        double const noise = probe.load.busiest_bytes > 2e4 ? std::exp(0.6 * (random.uniform() - 0.5)) : 1;
        for (auto& sample : probe.samples_s) sample *= noise;
    }
    auto const model = fit_calibrated(probes, {}, 2);
    for (auto const& [regime, bands] : model.trust) {
        std::size_t count = 0;
        for (std::size_t b = 0; b < bands.size(); ++b) {
            if (b > 0 && bands[b].spread == bands[b - 1].spread) {
                EXPECT_GT(bands[b].most_bytes, bands[b - 1].most_bytes);
            }
            count += bands[b].probes;
        }
        auto const in_regime = std::count_if(
            probes.begin(), probes.end(),
            [&, r = regime](auto const& probe) { return probe.load.regime == r && !probe.load.is_empty(); });
        EXPECT_EQ(count, static_cast<std::size_t>(in_regime));
    }
    ExchangeLoad small, large;
    small.regime = large.regime = Regime::eager;
    small.pairs = large.pairs = 1;
    large.busiest_bytes = 1e12;
    EXPECT_LT(2 * model.trust_in(small).log_radius_90, model.trust_in(large).log_radius_90);
}

TEST(FitCalibrated, FindsWhatMadeTheTimes) {
    auto const topology = cluster();
    auto const model = fit_calibrated(probes_of(topology, 0, 60, 0), {}, 2);
    for (auto const& held_out : probes_of(topology, 1000, 60, 0))
        EXPECT_NEAR(model.time_s(held_out.load) / median(held_out.samples_s), 1, 0.06);
}

TEST(FitCalibrated, IntervalsHoldTheirPromiseOnWhatTheyNeverSaw) {
    auto const topology = cluster();
    int inside = 0, all = 0;
    for (std::uint64_t run = 0; run < 2; ++run) {
        auto const model = fit_calibrated(probes_of(topology, 10000 * run, 60, 0.2), {});
        for (auto const& probe : probes_of(topology, 10000 * run + 5000, 200, 0.2)) {
            double const off = std::abs(std::log(median(probe.samples_s) / model.time_s(probe.load)));
            inside += off <= model.trust_in(probe.load).log_radius_90 * model.widening(probe.load) ? 1 : 0;
            ++all;
        }
    }
    EXPECT_GT(inside, 0.82 * all);
    EXPECT_LT(inside, 0.99 * all);
}

// Only one pattern tells how fast own bytes are copied: a fit that leaves it out has no idea, and intervals
// say so. As probes like any other, all but one of them tell of the one left out.
TEST(FitCalibrated, IntervalsKnowWhatAFitWithoutThatPatternMisses) {
    auto const topology = cluster();
    auto const radius = [&](bool named) {
        auto probes = probes_of(topology, 0, 48, 0);
        for (std::size_t i = 0; i < probes.size(); ++i)
            if (named) probes[i].pattern = "drawn " + std::to_string(i % 4);
        for (int size = 0; size < 12; ++size) {
            Grid<std::uint64_t, 2> own(4, 4);
            for (std::size_t rank = 0; rank < 4; ++rank) own(rank, rank) = std::uint64_t{1} << (15 + size);
            ProbeResult probe{"self", load_of({topology, own}, {}), {}, named ? "self" : ""};
            probe.samples_s.assign(5, 50e-6 + probe.load.bytes.at("rank # self") / 1e8);
            probes.push_back(probe);
        }
        return fit_calibrated(probes, {}).trust.at(Regime::nothing).back().log_radius_90;
    };
    EXPECT_GT(radius(true), 4 * radius(false));
}

// A machine that is slower for a while now and then: intervals hold a single part, not their mean.
TEST(FitCalibrated, IntervalsHoldWhatDiffersFromPartToPart) {
    auto const topology = cluster();
    auto once = probes_of(topology, 0, 60, 0);
    // Without scatter: four series would know a scattering median better than one, and weigh otherwise.
    for (auto& probe : once) probe.samples_s.assign(21, median(probe.samples_s));
    auto probes = once;
    for (auto& probe : probes) {
        auto const series = std::exchange(probe.samples_s, {});
        probe.parts = 4;
        for (double const log_factor : {-0.09, 0.03, 0.09, -0.03})
            for (double const sample : series) probe.samples_s.push_back(sample * std::exp(log_factor));
        EXPECT_NEAR(probe.typical_s(), median(series), 1e-12);
        EXPECT_NEAR(median(probe.part(2)), median(series) * std::exp(0.09), 1e-12);
    }
    auto const model = fit_calibrated(probes, {}, 2), same = fit_calibrated(once, {}, 2);
    for (auto const& probe : once) {
        EXPECT_NEAR(model.time_s(probe.load), same.time_s(probe.load), 1e-6 * same.time_s(probe.load));
        EXPECT_GE(model.trust_in(probe.load).log_radius_90, 0.09);
        EXPECT_EQ(model.trust_in(probe.load).probes, same.trust_in(probe.load).probes);
    }
}

TEST(FitCalibrated, OutliersHardlyMoveIt) {
    auto const topology = cluster();
    auto probes = probes_of(topology, 0, 60, 0);
    for (std::size_t i = 5; i < probes.size(); i += 16) {
        for (auto& sample : probes[i].samples_s) sample *= 8;
    }
    auto const model = fit_calibrated(probes, {}, 2);
    std::vector<double> errors;
    for (auto const& held_out : probes_of(topology, 1000, 60, 0))
        errors.push_back(std::abs(model.time_s(held_out.load) / median(held_out.samples_s) - 1));
    EXPECT_LT(median(errors), 0.05);
}

// Probes that scatter must not pull the fit away from those that do not.
TEST(FitCalibrated, WellKnownTimesCountForMore) {
    auto const topology = cluster();
    auto const exact = probes_of(topology, 0, 40, 0);
    auto all = exact;
    for (auto probe : probes_of(topology, 500, 80, 0)) {
        Random random(1, probe.name + std::to_string(probe.load.busiest_bytes));
        for (auto& sample : probe.samples_s) sample *= 1.1 * std::exp(2 * (random.uniform() - 0.5));
        all.push_back(probe);
    }
    auto const model = fit_calibrated(all, {}, 2);
    std::vector<double> errors;
    for (auto const& probe : exact)
        errors.push_back(std::abs(model.time_s(probe.load) / median(probe.samples_s) - 1));
    EXPECT_LT(mean(errors), 0.03);
}

TEST(FitCalibrated, WidensOutsideTheHullAndRefusesTooLittle) {
    auto const topology = cluster();
    auto const probes = probes_of(topology, 0, 24, 0);
    auto const model = fit_calibrated(probes, {}, 2);
    auto load = probes.front().load;
    EXPECT_EQ(model.widening(load), 1);
    load.busiest_bytes = 4 * model.hull.most_bytes;
    EXPECT_NEAR(model.widening(load), 3, 1e-12);
    EXPECT_THROW(fit_calibrated(std::span(probes).first(5), {}), Error);
    auto stopped = probes;
    stopped[3].samples_s.assign(21, 0.0);
    EXPECT_THROW(fit_calibrated(stopped, {}), Error);
}

TEST(TailOfAMaximum, IsThatOfExponentialJitter) {
    // P(max of n <= t) = (1 - exp(-t))^n, so the p99 of the maximum is -log(1 - 0.99^(1/n)).
    for (int const ranks : {1, 4, 1000}) {
        double const t = -std::log(1 - level_of_one(0.99, ranks));
        EXPECT_NEAR(std::pow(1 - std::exp(-t), ranks), 0.99, 1e-9);
    }
}

}  // namespace
}  // namespace moewire
