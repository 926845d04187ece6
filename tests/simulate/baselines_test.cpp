#include "simulate/baselines.hpp"

#include <cmath>
#include <map>

#include <gtest/gtest.h>

namespace moewire {
namespace {

Topology flat() {
    MachineDescription machine;
    machine.rank_out_bytes_per_s = machine.rank_in_bytes_per_s = 1e6;
    return {machine, {0, 0, 0}};
}

std::map<std::string, double> named(std::vector<Baseline> const& all) {
    std::map<std::string, double> times;
    for (auto const& one : all) times[one.name] = one.time_s;
    return times;
}

// 1 ms + bytes / 1 MB/s
std::vector<UniformPoint> const line{{1000, 0.002}, {9000, 0.010}, {99000, 0.100}};

TEST(Baselines, AreSixAndAgreeWithTheirFormulas) {
    auto const topology = flat();
    Grid<std::uint64_t, 2> const bytes({3, 3}, {5, 3000, 6000, 0, 5, 0, 0, 0, 5});
    auto const times = named(baselines_of({topology, bytes}, line));
    EXPECT_EQ(times.size(), 6u);
    EXPECT_NEAR(times.at("port_bound"), 0.009, 1e-12);
    EXPECT_NEAR(times.at("single_line"), 0.010, 1e-9);
    EXPECT_NEAR(times.at("busbw_rule"), 3000 / 0.99e6, 1e-12);  // a rank sends 3,000 in the mean
    EXPECT_NEAR(times.at("astra_constants"), 2 * 936.25e-9 + 3000 / (400 * 1073741824.0), 1e-15);
    EXPECT_NEAR(times.at("simai_formula"), 3000 / (0.99e6 * 1.073741824), 1e-12);
    double const base = 0.002 * std::pow(5.0, std::log(3.0) / std::log(9.0));
    EXPECT_NEAR(times.at("endpoint_load"), 0.002 + 3 * (base - 0.002), 1e-12);
}

TEST(Baselines, WithoutUniformPointsSayOnlyWhatTheyKnow) {
    auto const topology = flat();
    Grid<std::uint64_t, 2> const bytes({3, 3}, {0, 9, 9, 9, 0, 9, 9, 9, 0});
    auto const times = named(baselines_of({topology, bytes}, {}));
    EXPECT_GT(times.at("port_bound"), 0);
    EXPECT_GT(times.at("astra_constants"), 0);
    for (auto const* name : {"single_line", "busbw_rule", "simai_formula", "endpoint_load"})
        EXPECT_EQ(times.at(name), 0);
}

TEST(Interpolation, MeetsItsPointsAndGrows) {
    for (auto const& point : line)
        EXPECT_NEAR(interpolated_s(line, point.busiest_bytes), point.time_s, 1e-12);
    double last = 0;
    for (double bytes = 10; bytes < 1e7; bytes *= 1.3) {
        EXPECT_GE(interpolated_s(line, bytes), last);
        last = interpolated_s(line, bytes);
    }
    EXPECT_NEAR(interpolated_s(line, 198000), 0.2, 1e-12);
}

}  // namespace
}  // namespace moewire
