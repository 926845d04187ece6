#include <chrono>
#include <csignal>
#include <thread>

#include <gtest/gtest.h>

#include "system/clock.hpp"
#include "system/environment.hpp"
#include "system/heartbeat.hpp"
#include "system/interruption.hpp"
#include "system/machine.hpp"
#include "system/provenance.hpp"
#include "system/watchdog.hpp"

namespace moewire {
namespace {

TEST(Environment, HomeHoldsTheRepository) {
    ::unsetenv("MOEWIRE_HOME");
    EXPECT_TRUE(std::filesystem::exists(environment::home() / "CMakeLists.txt")) << environment::home();
}

// The hub's client decides; here as in its constants.py.
TEST(Environment, HuggingFaceCacheHonoursTheVariablesInOrder) {
    for (auto const* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"})
        ::unsetenv(name);
    ::setenv("HOME", "/home/me", 1);
    EXPECT_EQ(environment::hugging_face_cache(), "/home/me/.cache/huggingface/hub");
    ::setenv("XDG_CACHE_HOME", "/xdg", 1);
    EXPECT_EQ(environment::hugging_face_cache(), "/xdg/huggingface/hub");
    ::setenv("HF_HOME", "/a", 1);
    EXPECT_EQ(environment::hugging_face_cache(), "/a/hub");
    ::setenv("HUGGINGFACE_HUB_CACHE", "/old", 1);
    EXPECT_EQ(environment::hugging_face_cache(), "/old");
    ::setenv("HF_HUB_CACHE", "/b", 1);
    EXPECT_EQ(environment::hugging_face_cache(), "/b");
    ::setenv("HF_HUB_CACHE", "", 1);
    EXPECT_EQ(environment::hugging_face_cache(), "/old");
    ::unsetenv("HUGGINGFACE_HUB_CACHE");
    ::setenv("HF_HOME", "~/hf/$XDG_CACHE_HOME/${NOT_SET}x", 1);
    EXPECT_EQ(environment::hugging_face_cache(), "/home/me/hf//xdg/${NOT_SET}x/hub");
    for (auto const* name : {"HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"}) ::unsetenv(name);
}

TEST(Environment, ModelsAreAlsoLookedForInTransformersOwnCache) {
    ::setenv("HF_HUB_CACHE", "/b", 1);
    ::unsetenv("TRANSFORMERS_CACHE");
    EXPECT_EQ(environment::model_caches(), std::vector<std::filesystem::path>{"/b"});
    ::setenv("TRANSFORMERS_CACHE", "/c", 1);
    EXPECT_EQ(environment::model_caches(), (std::vector<std::filesystem::path>{"/b", "/c"}));
    ::setenv("TRANSFORMERS_CACHE", "/b", 1);
    EXPECT_EQ(environment::model_caches(), std::vector<std::filesystem::path>{"/b"});
    ::unsetenv("HF_HUB_CACHE");
    ::unsetenv("TRANSFORMERS_CACHE");
}

TEST(Environment, SnapshotTakesWhatChangesResultsAndNoSecrets) {
    ::setenv("NCCL_TEST_ONLY", "7", 1);
    ::setenv("OMPI_MCA_orte_hnp_uri", "tcp://10.0.0.1:1", 1);
    auto const found = environment::snapshot();
    EXPECT_EQ(found.at("NCCL_TEST_ONLY"), "7");
    EXPECT_FALSE(found.contains("OMPI_MCA_orte_hnp_uri"));
    EXPECT_FALSE(found.contains("PATH"));
}

TEST(Machine, KnowsItself) {
    auto const machine = this_machine();
    EXPECT_GE(machine.cores, 1);
    EXPECT_GT(machine.memory_bytes, std::int64_t{1} << 28);
    EXPECT_FALSE(machine.host.empty());
    EXPECT_GT(peak_copy_bytes_per_s(), 1e9);
    EXPECT_GT(resident_bytes(), 0);
    {
        std::vector<char> const much(256 << 20, 1);
        EXPECT_GE(peak_resident_bytes(), static_cast<std::int64_t>(much.size()));
    }
    EXPECT_GE(peak_resident_bytes(), std::int64_t{256} << 20);  // also when it is freed again
}

TEST(Clock, NeverRunsBackwards) {
    double last_s = monotonic_s();
    for (int i = 0; i < 1000; ++i) {
        double const now_s = monotonic_s();
        ASSERT_GE(now_s, last_s);
        last_s = now_s;
    }
}

TEST(Provenance, CommandLineReadsBackInAShell) {
    char const* const argv[] = {"moewire", "--name", "it's a b", ""};
    EXPECT_EQ(command_line(4, argv), R"(moewire --name 'it'\''s a b' '')");
    EXPECT_FALSE(program_version().version.empty());
}

TEST(Watchdog, LetsTimelyStepsPass) {
    Watchdog dog("rank 0 of 1", 5);
    for (int i = 0; i < 100; ++i) Watchdog::Guard const guard(dog, "a step");
}

TEST(Heartbeat, OneRankWatchesNobody) {
    Heartbeat const heartbeat(Communicator(), 0);
    EXPECT_EQ(Heartbeat::say_who_stands_still(), "");
}

// What a rank says when a peer died and the launcher ends the job: once, and only of what still waits.
TEST(Watchdog, SaysWhatItWaitedForWhenAskedToEnd) {
    InterruptionListener const listener;
    Watchdog dog("rank 1 of 2", 60);
    testing::internal::CaptureStderr();
    {
        Watchdog::Wait const wait("layer 3, counts");
        std::raise(SIGTERM);
        std::this_thread::sleep_for(std::chrono::seconds(2));
    }
    Watchdog::Wait const later("layer 4, counts");
    std::this_thread::sleep_for(std::chrono::milliseconds(600));
    auto const said = testing::internal::GetCapturedStderr();
    EXPECT_NE(said.find("rank 1 of 2: asked to end while layer 3, counts waits"), std::string::npos) << said;
    EXPECT_EQ(said.find("layer 4"), std::string::npos) << said;
}

TEST(Watchdog, SaysNothingOfStepsThatEnd) {
    InterruptionListener const listener;
    Watchdog dog("rank 1 of 2", 60);
    testing::internal::CaptureStderr();
    std::raise(SIGTERM);
    for (int i = 0; i < 100; ++i) {
        Watchdog::Guard const guard(dog, "a step");
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    EXPECT_EQ(testing::internal::GetCapturedStderr().find("asked to end"), std::string::npos);
}

TEST(WatchdogDeathTest, EndsALateStepAndNamesIt) {
    testing::GTEST_FLAG(death_test_style) = "threadsafe";
    EXPECT_EXIT(
        {
            Watchdog dog("rank 3 of 4", 0.2);
            Watchdog::Guard const guard(dog, "dispatch of layer 2");
            ::sleep(5);
        },
        testing::ExitedWithCode(4), "rank 3 of 4: dispatch of layer 2 did not end");
}

TEST(WatchdogDeathTest, EndsAWaitThatKnowsOfNoWatchdog) {
    testing::GTEST_FLAG(death_test_style) = "threadsafe";
    EXPECT_EXIT(
        {
            Watchdog dog("rank 0 of 2", 0.2);
            Watchdog::Wait const wait("layer 2, counts");
            ::sleep(5);
        },
        testing::ExitedWithCode(4), "rank 0 of 2: layer 2, counts did not end");
}

}  // namespace
}  // namespace moewire
