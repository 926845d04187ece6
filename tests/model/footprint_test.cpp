#include "model/footprint.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "checkpoint/checkpoint.hpp"
#include "support/fixtures.hpp"

namespace moewire {
namespace {
namespace fs = std::filesystem;

ModelConfig geometry(std::string const& name) {
    return read_config(home() / "bench" / "geometries" / (name + ".json"));
}

// What transformers 5.17 makes of these files on its meta device: numel() of all parameters, and of the
// buffers e_score_correction_bias, which checkpoints hold.
TEST(ParameterCount, IsWhatTransformersCountsOfEveryGeometry) {
    std::vector<std::pair<std::string, std::int64_t>> const counted{
        {"deepseek-v2-lite", 15706484224},     {"deepseek-v2", 235741434880},
        {"deepseek-v3", 671026404352 + 14848}, {"gpt-oss-120b", 116829156672},
        {"gpt-oss-20b", 20914757184},          {"mixtral-8x7b", 46702792704},
        {"olmoe-1b-7b", 6919161856},           {"phi-3.5-moe", 41873153344},
        {"phi-mini-moe", 7647632704},          {"phi-tiny-moe", 3755220288},
        {"qwen1.5-moe-a2.7b", 14315784192},    {"qwen2-57b-a14b", 57408658944},
        {"qwen3-235b-a22b", 235093634560},     {"qwen3-30b-a3b", 30532122624}};
    std::size_t files = 0;
    for (auto const& entry : fs::directory_iterator(home() / "bench" / "geometries"))
        files += entry.path().extension() == ".json" ? 1 : 0;
    EXPECT_EQ(files, counted.size()) << "a geometry without its count";
    for (auto const& [name, parameters] : counted)
        EXPECT_EQ(count_parameters(geometry(name)).total(), parameters) << name;
}

// Numbers of one tensor: MXFP4 keeps two in a byte; scales are no weights.
std::int64_t numbers_in(TensorInfo const& info) {
    if (info.name.ends_with("_scales") || info.name.ends_with("_scale_inv")) return 0;
    return info.elements() * (info.name.ends_with("_blocks") ? 2 : 1);
}

TEST(ParameterCount, IsWhatTheWeightFilesOfEveryFixtureHold) {
    std::size_t models = 0;
    for (auto const& entry : fs::directory_iterator(fixtures() / "models")) {
        if (!fs::exists(entry.path() / "config.json")) continue;
        ++models;
        auto const checkpoint = Checkpoint::open(entry.path());
        std::int64_t numbers = 0;
        for (auto const& name : checkpoint.names()) numbers += numbers_in(checkpoint.at(name));
        EXPECT_EQ(count_parameters(read_config(entry.path())).total(), numbers) << entry.path();
    }
    EXPECT_GE(models, fixture_models().size());
}

TEST(ParameterCount, IsWhatTheModelItselfSays) {
    for (auto const& name : fixture_models()) {
        auto const model = LanguageModel::load(fixture_model(name), {});
        auto const count = count_parameters(model->config());
        EXPECT_EQ(count.total(), model->facts().parameters) << name;
        EXPECT_EQ(count.one_expert * 4, model->facts().expert_bytes) << name;
    }
}

TEST(Footprint, WeightsAreSharedOutAndTheRestIsOnEveryRank) {
    auto const config = geometry("mixtral-8x7b");
    auto const count = count_parameters(config);
    for (int const ranks : {1, 2, 3, 8}) {
        Workload load;
        load.precision = Precision::bfloat16;
        load.ranks = ranks;
        auto const footprint = footprint_of(config, load);
        EXPECT_EQ(footprint.dense_weights, 2 * count.dense);
        EXPECT_EQ(footprint.expert_weights, 2 * count.one_expert * 32 * ((8 + ranks - 1) / ranks)) << ranks;
        EXPECT_EQ(footprint.exchange_buffers > 0, ranks > 1);
        EXPECT_EQ(footprint.gradients + footprint.optimiser + footprint.kv_cache, 0);
        load.further_copies = 1;
        EXPECT_EQ(footprint_of(config, load).expert_weights - footprint.expert_weights,
                  2 * count.one_expert * 32);
    }
    Workload many;
    many.ranks = 9;
    EXPECT_THROW(footprint_of(config, many), Error);
}

TEST(Footprint, TrainingTakesSixteenBytesAWeight) {
    auto const config = geometry("olmoe-1b-7b");
    for (auto const precision : {Precision::float32, Precision::bfloat16}) {
        Workload load;
        load.precision = precision;
        load.purpose = Purpose::training;
        auto const footprint = footprint_of(config, load);
        EXPECT_EQ(footprint.weights() + footprint.gradients + footprint.optimiser,
                  16 * count_parameters(config).total());
        auto forward = load;
        forward.purpose = Purpose::forward;
        EXPECT_GT(footprint.activations, 10 * footprint_of(config, forward).activations);
    }
}

TEST(Footprint, CacheIsWhatTheModelMakes) {
    for (auto const& name : fixture_models()) {
        auto const model = LanguageModel::load(fixture_model(name), {});
        Workload load;
        load.sequences = 3;
        load.positions = 1;
        load.cache_positions = 40;
        EXPECT_EQ(footprint_of(model->config(), load).kv_cache, model->make_cache(3, 40)->bytes()) << name;
    }
}

TEST(Footprint, GrowsWithTokensAndWidthAlone) {
    auto const config = geometry("deepseek-v2-lite");
    Workload load;
    load.ranks = 4;
    auto const small = footprint_of(config, load);
    load.sequences *= 2;
    auto const large = footprint_of(config, load);
    EXPECT_EQ(large.activations, 2 * small.activations);
    EXPECT_EQ(large.exchange_buffers, 2 * small.exchange_buffers);
    EXPECT_EQ(large.weights(), small.weights());
    load.reads_logits = true;
    EXPECT_GT(footprint_of(config, load).activations, large.activations);
}

TEST(Footprint, PartsAddUp) {
    Workload load;
    load.purpose = Purpose::training;
    load.cache_positions = 10;
    auto const footprint = footprint_of(geometry("gpt-oss-20b"), load);
    std::int64_t sum = 0;
    for (auto const& part : parts_of(footprint)) sum += part.bytes;
    EXPECT_EQ(sum, footprint.total());
    EXPECT_GT(sum, footprint.weights() + footprint.kv_cache);
}

TEST(FirstLayers, AreAModel) {
    auto const config = first_layers(geometry("deepseek-v3"), 5);
    EXPECT_EQ(config.layers, 5);
    EXPECT_EQ(config.moe_layers, (std::vector<std::int64_t>{3, 4}));
    EXPECT_LT(count_parameters(config).total(), 30e9);
    EXPECT_THROW(first_layers(geometry("deepseek-v3"), 3), Error);
    EXPECT_THROW(first_layers(geometry("deepseek-v3"), 62), Error);
    EXPECT_THROW(first_layers(geometry("deepseek-v3"), 0), Error);
}

}  // namespace
}  // namespace moewire
