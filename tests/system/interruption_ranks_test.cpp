#include <csignal>

#include <gtest/gtest.h>

#include "support/world.hpp"
#include "system/interruption.hpp"

namespace moewire {
namespace {

TEST(Interruption, OneRanksSignalIsHeardByAll) {
    InterruptionListener const listener;
    EXPECT_EQ(listener.heard(world()), "");
    if (static_cast<int>(world().rank()) == world().size() - 1) std::raise(SIGUSR1);
    EXPECT_EQ(listener.heard(world()), "SIGUSR1");
    EXPECT_EQ(listener.heard(world()), "SIGUSR1") << "it is not forgotten";
}

TEST(Interruption, ListenersNestAndAreForgotten) {
    InterruptionListener const outer;
    EXPECT_EQ(outer.heard(world()), "") << "an earlier listener's signal";
    std::raise(SIGTERM);
    {
        InterruptionListener const inner;
        EXPECT_EQ(inner.heard(world()), "SIGTERM");
    }
    EXPECT_EQ(outer.heard(world()), "SIGTERM");
}

}  // namespace
}  // namespace moewire
