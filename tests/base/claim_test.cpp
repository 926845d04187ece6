#include "base/claim.hpp"

#include <fstream>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "support/scratch.hpp"

namespace moewire {
namespace {

TEST(Claim, ASecondOwnerIsRefusedAndToldWhoTheFirstIs) {
    Scratch const scratch;
    auto const file = scratch.path() / "run.lock";
    Claim const first(file, "run.h5", "process 7 on alpha");
    EXPECT_TRUE(first.is_exclusive());
    try {
        Claim const second(file, "run.h5", "process 8 on beta");
        FAIL() << "two owners";
    } catch (Error const& error) {
        EXPECT_EQ(error.exit_code(), 2);
        EXPECT_NE(std::string(error.what()).find("run.h5 is being written by process 7 on alpha"),
                  std::string::npos)
            << error.what();
    }
}

TEST(Claim, IsGoneWithItsOwner) {
    Scratch const scratch;
    auto const file = scratch.path() / "run.lock";
    { Claim const first(file, "run.h5", "first"); }
    EXPECT_FALSE(std::filesystem::exists(file));
    auto const child = ::fork();
    if (child == 0) {
        Claim const killed(file, "run.h5", "child");
        ::kill(::getpid(), SIGKILL);
    }
    int state = 0;
    ASSERT_EQ(::waitpid(child, &state, 0), child);
    ASSERT_TRUE(std::filesystem::exists(file)) << "a killed owner leaves its file";
    Claim const next(file, "run.h5", "next");
    EXPECT_TRUE(next.is_exclusive());
}

TEST(Claim, AFolderThatIsNotThereIsNamed) {
    Scratch const scratch;
    EXPECT_THROW(Claim(scratch.path() / "none" / "run.lock", "run.h5", "me"), Error);
}

}  // namespace
}  // namespace moewire
