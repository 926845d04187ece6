// Every machine that we describe: it names its source, every rank reaches every other, and mirrored traffic
// meets mirrored resources.
#include <algorithm>
#include <filesystem>

#include <gtest/gtest.h>

#include "base/file.hpp"
#include "support/fixtures.hpp"
#include "topology/topology.hpp"

namespace moewire {
namespace {

std::vector<std::filesystem::path> described() {
    std::vector<std::filesystem::path> files;
    for (auto const& entry : std::filesystem::directory_iterator(home() / "bench/topologies"))
        files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
}

TEST(DescribedMachines, AreADozenAndNameTheirSource) {
    EXPECT_GE(described().size(), 12u);
    for (auto const& file : described()) {
        auto const machine = read_machine(file);
        EXPECT_EQ(machine.name, file.stem());
        EXPECT_EQ(machine.description.back(), '.') << file;
        EXPECT_NE(read_file(file).find("# Source: "), std::string::npos) << file;
    }
}

TEST(DescribedMachines, JoinEveryRankWithEveryOther) {
    for (auto const& file : described()) {
        auto const machine = read_machine(file);
        int const ranks = machine.ranks.value_or(16);
        Topology const t(machine, std::vector<int>(static_cast<std::size_t>(ranks), 0));
        ASSERT_FALSE(t.resources().empty()) << file;
        for (auto const& resource : t.resources())
            EXPECT_GT(resource.capacity_bytes_per_s, 0) << resource.name;
        // Far and near pairs of a large machine stand for all.
        for (int from = 0; from < ranks; from += std::max(1, ranks / 41)) {
            for (int to = 0; to < ranks; to += std::max(1, ranks / 53)) {
                auto const way = t.path(make_id<RankId>(from), make_id<RankId>(to));
                EXPECT_EQ(way.empty(), from == to) << file << " " << from << " " << to;
                for (auto const r : way) ASSERT_LT(r, t.resources().size());
                auto sorted = way;
                std::sort(sorted.begin(), sorted.end());
                EXPECT_EQ(std::adjacent_find(sorted.begin(), sorted.end()), sorted.end())
                    << "a byte crosses twice";
                EXPECT_GE(t.latency_s(make_id<RankId>(from), make_id<RankId>(to)), from == to ? 0 : 1e-9);
            }
        }
    }
}

}  // namespace
}  // namespace moewire
