// A model that was not changed is saved as it was read: the same bytes, whoever held which expert.
#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "support/fixtures.hpp"
#include "support/parallel.hpp"
#include "support/shared_scratch.hpp"

namespace moewire {
namespace {
namespace fs = std::filesystem;

std::string content(fs::path const& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

bool is_quantised(ModelConfig const& config) {
    return config.quantization != Quantization::none;
}

class Saving : public testing::TestWithParam<std::string> {};

TEST_P(Saving, KeepsEveryByteUnderEveryPlacement) {
    SharedScratch const scratch;
    auto const model = LanguageModel::load(fixture_model(GetParam()), {});
    for (std::string const strategy : {"contiguous", "random", "eplb_replicated"}) {
        TestParallel const parallel(*model, strategy);
        auto const folder = scratch.path() / strategy;
        if (is_quantised(model->config())) {
            EXPECT_THROW(model->save(folder, parallel.view()), Error);
            continue;
        }
        model->save(folder, parallel.view());
        if (!world().is_root()) continue;
        int files = 0;
        for (auto const& entry : fs::directory_iterator(fixture_model(GetParam()))) {
            auto const name = entry.path().filename();
            if (name == "expected.safetensors" || name == "gradient.safetensors") continue;
            EXPECT_TRUE(content(entry.path()) == content(folder / name)) << name;
            ++files;
        }
        EXPECT_GE(files, 2);
        EXPECT_FALSE(fs::exists(folder.string() + ".part"));
    }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, Saving, testing::ValuesIn(fixture_models()));

TEST(SavingAgain, IsRefusedAndLeavesWhatIsThere) {
    SharedScratch const scratch;
    auto const model = LanguageModel::load(fixture_model("mixtral-even"), {});
    TestParallel const parallel(*model, "contiguous");
    auto const folder = scratch.path() / "model";
    model->save(folder, parallel.view());
    try {
        model->save(folder, parallel.view());
        ADD_FAILURE() << "saved twice";
    } catch (Error const& error) {
        EXPECT_EQ(error.exit_code(), 2);
    }
    if (world().is_root()) {
        EXPECT_TRUE(content(folder / "model.safetensors") ==
                    content(fixture_model("mixtral-even") / "model.safetensors"));
    }
}

TEST(SavingOnAFullDisk, LeavesNothing) {
    SharedScratch const scratch;
    auto const model = LanguageModel::load(fixture_model("mixtral-even"), {});
    TestParallel const parallel(*model, "contiguous");
    auto const folder = scratch.path() / "model";
    int code = 0;
    {
        FileSizeLimit const limit(20'000);
        try {
            model->save(folder, parallel.view());
        } catch (Error const& error) {
            code = error.exit_code();
        }
    }
    EXPECT_EQ(code, 4);
    world().barrier();
    if (world().is_root()) {
        EXPECT_TRUE(fs::is_empty(scratch.path()));
    }
}

}  // namespace
}  // namespace moewire
