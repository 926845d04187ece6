// What a damaged or contradictory model folder gets: one clear message that names the tensor or the key.
#include <filesystem>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "model/language_model.hpp"
#include "support/fixtures.hpp"
#include "support/scratch.hpp"

namespace moewire {
namespace {
namespace fs = std::filesystem;

// A copy of a fixture with some keys of its config changed.
std::string message_with(std::string const& model, Json const& changes) {
    Scratch const scratch;
    for (auto const& entry : fs::directory_iterator(fixture_model(model)))
        fs::copy(entry.path(), scratch.path());
    auto config = read_json(scratch.path() / "config.json");
    config.update(changes);
    write_file(scratch.path() / "config.json", config.dump());
    try {
        auto const loaded = LanguageModel::load(scratch.path(), {});
        return "(accepted)";
    } catch (Error const& error) {
        EXPECT_EQ(error.exit_code(), 2) << error.what();
        return error.what();
    }
}

struct Contradiction {
    char const* model;
    char const* changes;
    char const* fragment;
};

class Contradictions : public testing::TestWithParam<Contradiction> {};

TEST_P(Contradictions, AreRefusedByName) {
    auto const message = message_with(GetParam().model, Json::parse(GetParam().changes));
    EXPECT_NE(message.find(GetParam().fragment), std::string::npos) << message;
}

INSTANTIATE_TEST_SUITE_P(
    Configs, Contradictions,
    testing::Values(Contradiction{"mixtral-even", R"({"hidden_size": 128})", "model.embed_tokens.weight"},
                    Contradiction{"mixtral-even", R"({"vocab_size": 95})", "has shape [96, 64]"},
                    Contradiction{"mixtral-even", R"({"num_hidden_layers": 1})", "has no place"},
                    Contradiction{"mixtral-even", R"({"num_hidden_layers": 3})", "model.layers.2"},
                    Contradiction{"mixtral-even", R"({"num_local_experts": 4, "num_experts_per_tok": 2})",
                                  "gate.weight has shape [8, 64]"},
                    Contradiction{"phimoe-even", R"({"attention_bias": false})", "has no place"},
                    Contradiction{"phimoe-even", R"({"lm_head_bias": false})", "lm_head.bias"},
                    Contradiction{"phimoe-even", R"({"num_experts_per_tok": 3})", "SparseMixer picks two"},
                    Contradiction{"olmoe-even", R"({"attention_bias": true})", "q_proj.bias"},
                    Contradiction{"olmoe-even", R"({"hidden_act": "gelu"})", R"(hidden_act "gelu")"},
                    Contradiction{"mixtral-even", R"({"model_type": "llama"})",
                                  "use one of: deepseek_v2, deepseek_v3, gpt_oss, mixtral"}));

TEST(Loading, ExpertsOfAnotherWidthAreRefusedWhenTheyAreRead) {
    Scratch const scratch;
    for (auto const& entry : fs::directory_iterator(fixture_model("olmoe-even")))
        fs::copy(entry.path(), scratch.path());
    auto config = read_json(scratch.path() / "config.json");
    config["intermediate_size"] = 24;
    write_file(scratch.path() / "config.json", config.dump());
    auto const model = LanguageModel::load(scratch.path(), {});
    Grid<std::int32_t, 2> const ranks(2, 16);
    EXPECT_THROW(model->load_experts(Assignment::from_expert_ranks(ranks, 1), RankId{0}), Error);
}

TEST(Precision, NamesAreChecked) {
    EXPECT_EQ(precision_of("bfloat16"), Precision::bfloat16);
    EXPECT_THROW(precision_of("float64"), Error);
}

}  // namespace
}  // namespace moewire
