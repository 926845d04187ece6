// One main for all test programs. Under mpirun only rank 0 prints, all ranks agree after every test, and a
// failure on any rank fails all and is told with its rank.
#include <cstdio>
#include <cstdlib>
#include <sstream>

#include <gtest/gtest.h>

#include "support/world.hpp"
#include "system/session.hpp"

namespace moewire {
namespace {

Communicator test_world;

class RankListener : public testing::EmptyTestEventListener {
  public:
    void OnTestPartResult(testing::TestPartResult const& result) override {
        if (!result.failed()) return;
        failures_ << (result.file_name() != nullptr ? result.file_name() : "?") << ":" << result.line_number()
                  << ": " << result.message() << "\n";
    }

    void OnTestEnd(testing::TestInfo const& info) override {
        auto const reports = test_world.gather(failures_.str());
        failures_.str("");
        for (std::size_t rank = 1; rank < reports.size(); ++rank) {
            if (reports[rank].empty()) continue;
            std::printf("[rank %zu] %s.%s\n%s", rank, info.test_suite_name(), info.name(),
                        reports[rank].c_str());
            failed_elsewhere_ = true;
        }
        std::fflush(stdout);
    }

    bool failed_elsewhere() const { return failed_elsewhere_; }

  private:
    std::ostringstream failures_;
    bool failed_elsewhere_ = false;
};

}  // namespace

Communicator const& world() {
    return test_world;
}

}  // namespace moewire

int main(int argc, char** argv) {
    using namespace moewire;
    MpiSession const session;
    test_world = session.world();
    testing::InitGoogleTest(&argc, argv);
    auto& listeners = testing::UnitTest::GetInstance()->listeners();
    if (!test_world.is_root()) delete listeners.Release(listeners.default_result_printer());
    auto* const across_ranks = new RankListener;
    listeners.Append(across_ranks);
    bool const failed = RUN_ALL_TESTS() != 0 || across_ranks->failed_elsewhere();
    return test_world.sum(std::int64_t{failed}) > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
