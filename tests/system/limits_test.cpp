#include "system/limits.hpp"

#include <algorithm>
#include <sys/resource.h>

#include <gtest/gtest.h>

#include "system/network.hpp"

namespace moewire {
namespace {

TEST(Limits, AreThoseOfThisProcess) {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    EXPECT_EQ(limits_here().open_files, static_cast<std::int64_t>(files.rlim_cur));
    EXPECT_NE(limits_here().stack_bytes, 0);
}

TEST(Limits, AnUnknownSettingOfMpiHasNoValue) {
    EXPECT_FALSE(mpi_setting("no_such_setting_of_any_mpi"));
}

TEST(Network, EveryHostHasALoopback) {
    auto const found = network_interfaces();
    EXPECT_TRUE(std::any_of(found.begin(), found.end(), [](auto const& one) { return one.is_loopback; }));
    EXPECT_FALSE(show_network().empty());
}

}  // namespace
}  // namespace moewire
