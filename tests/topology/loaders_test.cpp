// Foreign descriptions of machines: what they say is understood, what they cannot mean is refused.
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/registry.hpp"
#include "support/machines.hpp"

namespace moewire {
namespace {

constexpr char const* astra = R"(
topology: [ Ring, Switch ]
npus_count: [ 4, 2 ]
bandwidth: [ 50.0, 25 ]  # GB/s
latency: [ 500, 0 ]  # ns
)";

TEST(AstraYaml, IsAProductOfDimensionsInItsOwnUnits) {
    auto const m = read_machine_text(astra, "net.yml");
    ASSERT_EQ(m.dimensions.size(), 2u);
    EXPECT_EQ(m.dimensions[0].kind, DimensionKind::ring);
    EXPECT_EQ(m.dimensions[0].ranks, 4);
    EXPECT_DOUBLE_EQ(m.dimensions[0].bytes_per_s, 50.0 * 1073741824);
    EXPECT_DOUBLE_EQ(m.dimensions[0].latency_s, 500e-9);
    EXPECT_EQ(m.dimensions[1].kind, DimensionKind::switched);
    EXPECT_EQ(m.ranks, 8);
    EXPECT_EQ(m.name, "net");
}

constexpr char const* nvlink_node = R"(<system version="1">
 <cpu numaid="0" arch="x86_64" vendor="GenuineIntel">
  <pci busid="0000:17:00.0" class="0x060400" link_speed="32.0 GT/s PCIe" link_width="16">
   <pci busid="0000:19:00.0" class="0x030200" link_speed="32.0 GT/s PCIe" link_width="16">
    <gpu dev="0" sm="90" rank="0" gdr="1"><nvlink target="0000:05:00.0" count="18" tclass="0x068000"/></gpu>
   </pci>
   <pci busid="0000:18:00.0" class="0x020700" link_speed="32.0 GT/s PCIe" link_width="16">
    <nic><net name="mlx5_0" dev="1" speed="400000" port="1" rail="0"/></nic>
   </pci>
  </pci>
 </cpu>
 <cpu numaid="1" arch="x86_64" vendor="GenuineIntel">
  <pci busid="0000:9a:00.0" class="0x030200" link_speed="32.0 GT/s PCIe" link_width="16">
   <gpu dev="1" sm="90" rank="1" gdr="1"><nvlink target="0000:05:00.0" count="10"/><nvlink target="0000:06:00.0" count="8"/></gpu>
  </pci>
  <pci busid="0000:9b:00.0" class="0x020700" link_speed="32.0 GT/s PCIe" link_width="16">
   <nic><net name="mlx5_1" dev="0" speed="200000" port="1"/></nic>
  </pci>
 </cpu>
</system>)";

TEST(NcclXml, GivesPortsCardsAndWhoIsNearWhich) {
    auto const m = read_machine_text(nvlink_node, "topo.xml");
    EXPECT_DOUBLE_EQ(*m.rank_out_bytes_per_s, 18 * 25e9);
    EXPECT_EQ(m.network, NetworkAccess::past_port);
    EXPECT_EQ(m.ranks_per_node, 2);
    EXPECT_EQ(m.nics_per_node, 2);
    EXPECT_EQ(m.nic_of_rank, (std::vector<int>{1, 0}));
    EXPECT_DOUBLE_EQ(*m.nic_out_bytes_per_s, 400e9 / 8) << "one capacity for all: the quickest";
}

TEST(NcclXml, TakesPcieWhereThereIsNoNvlink) {
    auto const m = read_machine_text(
        "<system><cpu><pci busid=\"1\" link_speed=\"16.0 GT/s PCIe\" link_width=\"16\"><gpu dev=\"0\" "
        "sm=\"89\"/></pci>"
        "</cpu></system>",
        "topo.xml");
    EXPECT_NEAR(*m.rank_in_bytes_per_s, 31.5e9, 0.1e9);
    EXPECT_EQ(m.network, NetworkAccess::through_port);
    EXPECT_FALSE(m.nic_out_bytes_per_s);
}

std::string start(char const* host, int rank, int all) {
    return std::string(host) + ":4242:4300 [0] NCCL INFO ncclCommInitRank comm 0x55d9 rank " +
           std::to_string(rank) + " nranks " + std::to_string(all) +
           " cudaDev 0 nvmlDev 0 busId 19000 commId 0xd8 - Init START\n";
}

TEST(NcclLog, GivesNodesCardsAndLinks) {
    std::string log = "NCCL version 2.21.5+cuda12.4\n" + start("alpha", 2, 3) + start("omega", 1, 3);
    log = start("omega", 0, 3) + log;
    // Rank 2 alone on its host; the launcher may write its own mark before a line.
    log +=
        "[1,0]<stdout>:omega:4242:4300 [0] NCCL INFO === System : maxBw 48.0 totalBw 370.8 ===\n"
        "omega:4242:4300 [0] NCCL INFO + PCI[48.0] - PCI/0-17000 (1000c03015d91d25)\n"
        "omega:4242:4300 [0] NCCL INFO               + PCI[48.0] - GPU/0-19000 (0)\n"
        "omega:4242:4300 [0] NCCL INFO                             + NVL[370.8] - NVS/0\n"
        "omega:4242:4300 [0] NCCL INFO               + PCI[48.0] - NIC/0-18000\n"
        "omega:4242:4300 [0] NCCL INFO                             + NET[50.0] - NET/0 (fa/0/50.0)\n"
        "omega:4242:4300 [0] NCCL INFO                             + NET[50.0] - NET/1 (fb/0/50.0)\n";
    auto const m = read_machine_text(log, "run.log");
    EXPECT_EQ(m.ranks, 3);
    EXPECT_EQ(m.ranks_of_node, (std::vector<int>{2, 1}));
    EXPECT_EQ(m.nics_per_node, 2);
    EXPECT_DOUBLE_EQ(*m.nic_in_bytes_per_s, 50e9);
    EXPECT_GE(*m.rank_out_bytes_per_s, 450e9) << "a bound needs what the links carry on paper";
    EXPECT_EQ(m.network, NetworkAccess::past_port);
}

TEST(NcclLog, MayBeSilentOfLinks) {
    auto const m = read_machine_text(start("omega", 0, 2) + start("omega", 1, 2), "run.txt");
    EXPECT_FALSE(m.rank_out_bytes_per_s);
    EXPECT_NE(m.description.find("says nothing of links"), std::string::npos);
}

struct BadForeign {
    std::string name, text;
    char const* fragment;
};
class BadForeignFile : public testing::TestWithParam<BadForeign> {};

TEST_P(BadForeignFile, IsRefused) {
    try {
        read_machine_text(GetParam().text, GetParam().name);
        FAIL() << "accepted";
    } catch (Error const& error) {
        EXPECT_EQ(error.exit_code(), 2);
        EXPECT_NE(std::string(error.what()).find(GetParam().fragment), std::string::npos) << error.what();
    }
}

INSTANTIATE_TEST_SUITE_P(
    Files, BadForeignFile,
    testing::Values(BadForeign{"a.yml", "topology: [Ring", "not valid YAML"},
                    BadForeign{"a.yml", "- 1\n", "holds no keys"},
                    BadForeign{"a.yml", "topology: []\n", "is empty"},
                    BadForeign{"a.yml", "npus_count: [4]\n", "topology is missing"},
                    BadForeign{"a.yml", "topology: [Ring]\nnpus_count: [4, 2]\n",
                               "npus_count has 2 entries, topology has 1"},
                    BadForeign{"a.yml", "topology: [Torus]\nnpus_count: [4]\nbandwidth: [1]\nlatency: [1]\n",
                               "is 'Torus'"},
                    BadForeign{"a.yml", "topology: [Ring]\nnpus_count: [1]\nbandwidth: [1]\nlatency: [1]\n",
                               "npus_count[0]"},
                    BadForeign{"a.yml", "topology: [Ring]\nnpus_count: [4]\nbandwidth: [-1]\nlatency: [1]\n",
                               "bandwidth[0] is -1"},
                    BadForeign{"a.yml", "topology: [Ring]\nnpus_count: [4]\nbandwidth: [x]\nlatency: [1]\n",
                               "is not a number"},
                    BadForeign{"a.yml", "topology: [[1]]\nnpus_count: [4]\nbandwidth: [1]\nlatency: [1]\n",
                               "not valid YAML"},
                    BadForeign{"a.xml", "<system>", "not valid XML"},
                    BadForeign{"a.xml", "<graphs/>", "system is missing"},
                    BadForeign{"a.xml", "<system/>", "gpu is missing"},
                    BadForeign{"a.xml", "<system><pci><gpu dev=\"0\"/></pci></system>", "pci.link_speed"},
                    BadForeign{"a.xml",
                               "<system><pci><gpu sm=\"90\"><nvlink count=\"-4\"/></gpu></pci></system>",
                               "nvlink.count is -4"},
                    BadForeign{"a.log", start("h", 0, 3) + start("h", 2, 3), "rank 1 of 3 is missing"},
                    BadForeign{"a.log", start("h", 0, 2), "rank 1 of 2 is missing"},
                    BadForeign{"a.log", start("h", 0, 3) + start("i", 1, 3) + start("h", 2, 3),
                               "do not follow each other"},
                    BadForeign{"a.log", "h:1:1 [0] NCCL INFO Bootstrap\n", "no rank starts"},
                    BadForeign{"a.log", "hello\n", "astra_yaml, nccl_log, nccl_xml, toml"},
                    BadForeign{"a.csv", "1,2\n", "no description of a machine"}));

}  // namespace
}  // namespace moewire
