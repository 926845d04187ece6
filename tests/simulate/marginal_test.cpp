#include "simulate/marginal.hpp"

#include <filesystem>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/random.hpp"
#include "support/fixtures.hpp"
#include "topology/topology.hpp"

namespace moewire {
namespace {

// out(i) = a(i) x sum(b), in(j) = b(j) x sum(a): then bytes(i, j) = a(i) x b(j), a whole number.
struct Factors {
    std::vector<std::uint64_t> a, b;
};

Factors draw(std::size_t ranks, Random& random) {
    Factors f;
    for (std::size_t i = 0; i < ranks; ++i) {
        f.a.push_back(random.below(4) == 0 ? 0 : random.below(1000));
        f.b.push_back(random.below(4) == 0 ? 0 : random.below(1000));
    }
    // Neighbouring nodes that are alike, as collapse() wants them.
    for (std::size_t i = ranks / 2; i < ranks; ++i) f.a[i] = f.b[i] = 7 + i % 2;
    return f;
}

double dense_s(MachineDescription const& machine, Factors const& f) {
    Topology const topology(machine, std::vector<int>(f.a.size(), 0));
    Grid<std::uint64_t, 2> bytes(f.a.size(), f.a.size());
    for (std::size_t i = 0; i < f.a.size(); ++i)
        for (std::size_t j = 0; j < f.a.size(); ++j) bytes(i, j) = f.a[i] * f.b[j];
    return resource_bound({topology, bytes}).time_s;
}

std::vector<RankLoad> loads_of(Factors const& f) {
    double a = 0, b = 0;
    for (auto const x : f.a) a += static_cast<double>(x);
    for (auto const x : f.b) b += static_cast<double>(x);
    std::vector<RankLoad> loads;
    for (std::size_t i = 0; i < f.a.size(); ++i)
        loads.push_back({static_cast<double>(f.a[i]) * b, static_cast<double>(f.b[i]) * a});
    return loads;
}

// A machine with any of the features, capacities at random, so that each of them binds now and then.
MachineDescription random_machine(Random& random) {
    auto const some = [&](double scale) { return std::optional(scale * (0.2 + random.uniform())); };
    MachineDescription m;
    m.name = "random";
    if (random.below(3) == 0) {
        m.ranks_of_node = {4, 4, 2, 5, 4};
    } else {
        m.ranks_per_node = 4;
    }
    m.network = random.below(2) == 0 ? NetworkAccess::past_port : NetworkAccess::through_port;
    if (random.below(2) == 0) m.rank_out_bytes_per_s = some(3), m.rank_in_bytes_per_s = some(3);
    if (random.below(3) == 0) m.node_memory_bytes_per_s = some(4);
    if (random.below(3) == 0) m.socket = Socket{2, some(2), some(2)};
    m.nics_per_node = static_cast<int>(1 + random.below(3));
    m.nic_out_bytes_per_s = some(4);
    m.nic_in_bytes_per_s = some(4);
    if (random.below(3) != 0) {
        m.leaf = Leaf{
            static_cast<int>(1 + random.below(3)), Wiring::by_node, RailCrossing::over_spine, {}, {}, {}};
        if (random.below(3) != 0) m.leaf->wiring = Wiring::by_rail;
        if (m.leaf->wiring == Wiring::by_rail && random.below(2) == 0)
            m.leaf->crossing = RailCrossing::forwarded;
        if (random.below(2) == 0) {
            m.leaf->oversubscription = 1 + random.uniform() * 8;
        } else {
            m.leaf->up_bytes_per_s = some(5), m.leaf->down_bytes_per_s = some(5);
        }
    }
    if (random.below(3) == 0) {
        m.sites = {{"a", 2}, {"b", 1}, {"c", 3}};
        m.site_links = {{0, 1, *some(20), *some(20), 0.01, 0.5, 1}, {2, 1, *some(20), *some(20), 0, {}, 1}};
    }
    return m;
}

TEST(MarginalBound, IsThatOfTheWholeMatrix) {
    Random random(1, "marginal bound");
    for (int trial = 0; trial < 400; ++trial) {
        auto const machine = random_machine(random);
        auto const f = draw(12 + random.below(30), random);
        double const expected_s = dense_s(machine, f);
        auto const bound = marginal_bound(machine, collapse(machine, loads_of(f)));
        ASSERT_NEAR(bound.time_s, expected_s, 1e-9 * expected_s)
            << "trial " << trial << ": " << bound.binding_resource;
    }
}

TEST(MarginalBound, IsThatOfTheWholeMatrixOnEveryDescribedMachine) {
    Random random(2, "described machines");
    for (auto const& entry : std::filesystem::directory_iterator(home() / "bench/topologies")) {
        auto const machine = read_machine(entry.path());
        auto const f = draw(static_cast<std::size_t>(std::min(machine.ranks.value_or(16), 320)), random);
        double const expected_s = dense_s(machine, f);
        EXPECT_NEAR(marginal_bound(machine, collapse(machine, loads_of(f))).time_s, expected_s,
                    1e-9 * expected_s)
            << entry.path();
    }
}

TEST(MarginalBound, CollapsesEqualNodesAndKeepsEveryRank) {
    auto machine = MachineDescription{};
    machine.ranks_per_node = 8;
    std::vector<RankLoad> const alike(100'000, {5, 5});
    auto const traffic = collapse(machine, alike);
    EXPECT_EQ(traffic.classes.size(), 1u);
    EXPECT_EQ(traffic.ranks(), 100'000);
    EXPECT_DOUBLE_EQ(traffic.total_bytes(), 500'000);
}

TEST(MarginalBound, RefusesBytesThatNobodyReceives) {
    std::vector<RankLoad> const loads{{5, 5}, {6, 5}};
    EXPECT_THROW(collapse({}, loads), Error);
    EXPECT_EQ(marginal_bound({}, collapse({}, std::vector<RankLoad>(3))).binding_resource, "none");
}

}  // namespace
}  // namespace moewire
