// Descriptions that were torn or spoiled on the way: understood, or refused with exit code 2; nothing else.
#include <filesystem>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/random.hpp"
#include "support/fixtures.hpp"
#include "support/machines.hpp"
#include "topology/topology.hpp"

namespace moewire {
namespace {

struct Description {
    std::string name, text;
};

std::vector<Description> descriptions() {
    std::vector<Description> all{
        {"net.yml",
         "topology: [ Ring, Switch ]\nnpus_count: [ 4, 2 ]\nbandwidth: [ 50.0, 25 ]\nlatency: [ 500, 0 ]\n"},
        {"topo.xml",
         "<system version=\"1\"><cpu numaid=\"0\"><pci busid=\"1\" link_speed=\"16.0 GT/s PCIe\" "
         "link_width=\"16\">"
         "<gpu dev=\"0\" sm=\"90\"><nvlink target=\"5\" count=\"18\"/></gpu><nic><net dev=\"0\" "
         "speed=\"400000\"/></nic>"
         "</pci></cpu></system>"},
        {"run.log",
         "omega:42:43 [0] NCCL INFO ncclCommInitRank comm 0x55d9 rank 0 nranks 2 cudaDev 0 - Init START\n"
         "omega:42:44 [1] NCCL INFO ncclCommInitRank comm 0x55da rank 1 nranks 2 cudaDev 1 - Init START\n"
         "omega:42:43 [0] NCCL INFO === System : maxBw 48.0 totalBw 370.8 ===\n"
         "omega:42:43 [0] NCCL INFO   + PCI[48.0] - GPU/0-19000 (0)\n"
         "omega:42:43 [0] NCCL INFO   + NET[50.0] - NET/0 (fa/0/50.0)\n"}};
    for (auto const& entry : std::filesystem::directory_iterator(home() / "bench/topologies"))
        all.push_back({entry.path().filename().string(), read_file(entry.path())});
    return all;
}

// A machine that is accepted must be usable.
void expect_usable_or_refused(std::string const& text, std::string const& name) {
    try {
        auto const machine = read_machine_text(text, name);
        int const ranks = machine.dimensions.empty() ? 12 : machine.ranks.value_or(1);
        if (ranks > 4096) return;
        Topology const topology(machine, std::vector<int>(static_cast<std::size_t>(ranks), 0));
        for (auto const& resource : topology.resources()) EXPECT_GT(resource.capacity_bytes_per_s, 0) << text;
        for (auto const crossed : topology.path(RankId{0}, RankId{ranks - 1}))
            EXPECT_LT(crossed, topology.resources().size());
    } catch (Error const& error) {
        EXPECT_EQ(error.exit_code(), 2) << error.what();
    }
}

TEST(SpoiledDescriptions, AreUnderstoodOrRefusedWhereverTheyAreCut) {
    for (auto const& [name, text] : descriptions())
        for (std::size_t cut = 0; cut < text.size(); cut += 1 + text.size() / 30)
            expect_usable_or_refused(text.substr(0, cut), name);
}

TEST(SpoiledDescriptions, AreUnderstoodOrRefusedWhateverIsChanged) {
    Random random(1, "spoiled descriptions");
    std::vector<std::string> const words{"-", "e9", "nan", "inf", "0",   "99999999999999999999",
                                         "[", "\"", "\n",  "<",   "\xff"};
    for (auto const& [name, text] : descriptions()) {
        for (int trial = 0; trial < 25; ++trial) {
            auto spoiled = text;
            for (std::uint64_t change = 0; change <= random.below(3); ++change) {
                auto const at = random.below(spoiled.size());
                if (random.below(2) == 0) {
                    spoiled[at] = static_cast<char>(spoiled[at] ^ static_cast<char>(1 << random.below(7)));
                } else {
                    spoiled.insert(at, words[random.below(words.size())]);
                }
            }
            expect_usable_or_refused(spoiled, name);
        }
    }
}

}  // namespace
}  // namespace moewire
