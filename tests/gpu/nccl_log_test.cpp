#include "gpu/nccl_log.hpp"

#include <gtest/gtest.h>

namespace moewire {
namespace {

TEST(NcclLog, SettingsAreRead) {
    auto const settings = read_nccl_log(
        "NCCL version 2.28.9+cuda13.0\n"
        "node:41:57 [0] NCCL INFO Bootstrap: Using eth0:10.0.0.2<0>\n"
        "node:41:57 [0] NCCL INFO P2P Chunksize set to 524288\n"
        "node:41:57 [0] NCCL INFO threadThresholds 8/8/64 | 16/8/64 | 512 | 512\n"
        "node:41:57 [0] NCCL INFO 24 coll channels, 16 collnet channels, 0 nvls channels, 32 p2p channels, "
        "30 p2p "
        "channels per peer\n");
    EXPECT_EQ(settings.version, "2.28.9+cuda13.0");
    EXPECT_EQ(settings.collective_channels, 24);
    EXPECT_EQ(settings.p2p_channels, 32);
    EXPECT_EQ(settings.p2p_channels_per_peer, 30);
    EXPECT_EQ(settings.p2p_chunk_bytes, 524'288);
}

TEST(NcclLog, TheFirstCommunicatorCounts) {
    auto const settings = read_nccl_log(
        "a:1:2 [0] NCCL INFO P2P Chunksize set to 131072\r\n"
        "a:1:2 [0] NCCL INFO P2P Chunksize set to 524288");
    EXPECT_EQ(settings.p2p_chunk_bytes, 131'072);
}

TEST(NcclLog, OtherWordsSayNothing) {
    for (std::string const text :
         {"", "\n\n", "8 coll channels, P2P Chunksize set to 5", "NCCL INFO P2P Chunksize set to ",
          "NCCL INFO  coll channels", "NCCL INFO P2P Chunksize set to 99999999999999999999"}) {
        auto const settings = read_nccl_log(text);
        EXPECT_TRUE(settings.is_empty()) << text;
        EXPECT_FALSE(settings.collective_channels) << text;
    }
}

}  // namespace
}  // namespace moewire
