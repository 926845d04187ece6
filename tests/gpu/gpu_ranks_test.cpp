// Models whose experts lie on several ranks' GPUs: every exchange, planned on the GPU and on the host.
// Skipped where no GPU is; where ranks share one, with the exchanges that can.
#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "base/registry.hpp"
#include "gpu/device.hpp"
#include "support/half_precision.hpp"
#include "support/parallel.hpp"
#include "transport/exchange.hpp"

namespace moewire {
namespace {

using Transports = std::vector<std::pair<std::string, std::shared_ptr<Exchange>>>;

// The exchanges that work between these ranks' GPUs.
Transports make_transports() {
    Transports all;
    for (auto const& backend : Registry<ExchangeBackend>::instance().entries()) {
        if (backend.value.waive(world(), MemoryKind::device)) continue;
        all.emplace_back(backend.name, make_exchange(backend.name, world(), MemoryKind::device));
    }
    return all;
}

class OnGpus : public testing::TestWithParam<std::string> {
  protected:
    void SetUp() override {
        auto const gpus = usable_gpus();
        if (world().min(std::int64_t{gpus}) == 0) GTEST_SKIP() << "no GPU can be used here";
        options_.device = {static_cast<int>(world().rank()) % gpus};
        use_gpu(options_.device.cuda_index);
        if (transports_.empty()) transports_ = make_transports();
        wanted_.read_out = ReadOut::keep;
        wanted_.router = true;
    }
    static void TearDownTestSuite() { transports_.clear(); }

    inline static Transports transports_;  // made once: NCCL takes a second for each
    ModelOptions options_;
    Wanted wanted_;
};

TEST_P(OnGpus, LogitsEqualTransformersUnderEveryExchange) {
    Expected const expected(GetParam());
    auto const model = LanguageModel::load(fixture_model(GetParam()), options_);
    // Single experts are sorted by slot, several copies by expert first.
    for (std::string const strategy : {"contiguous", "random", "eplb_replicated"}) {
        std::vector<float> first;
        for (auto const& [transport, exchange] : transports_) {
            TestParallel const parallel(*model, strategy, "per_expert", exchange);
            auto const tokens = expected.tokens("long");
            auto const result = model->forward(my_share(tokens), parallel.view(), wanted_);
            auto const all = expected.values<float>("long.logits");
            auto const begin = my_first(tokens) * tokens.extent(1) * model->facts().vocabulary;
            auto const share = std::span(all).subspan(begin, result.logits.size());
            EXPECT_LE(largest_difference(result.logits.row(), share), 2e-5 * scale_of(all))
                << strategy << " " << transport;
            // The same bytes travel, so the same numbers come out.
            if (first.empty()) first = result.logits.values();
            EXPECT_EQ(result.logits.values(), first) << strategy << " " << transport;
        }
    }
}

// So many that each message is cut over channels.
TEST_P(OnGpus, ManyRowsGiveWhatFewDo) {
    constexpr std::size_t copies = 512;
    Expected const expected(GetParam());
    auto const model = LanguageModel::load(fixture_model(GetParam()), options_);
    auto const few = expected.tokens("long");
    auto const all = expected.values<float>("long.logits");
    auto const width = few.extent(1) * model->facts().vocabulary;
    Grid<std::int32_t, 2> many(copies * few.extent(0), few.extent(1));
    for (std::size_t row = 0; row < many.extent(0); ++row)
        std::ranges::copy(few.row(row % few.extent(0)), many.row(row).begin());
    wanted_.router = false;
    std::vector<float> first;
    for (auto const& [transport, exchange] : transports_) {
        TestParallel const parallel(*model, "random", "per_expert", exchange);
        auto const result = model->forward(my_share(many), parallel.view(), wanted_);
        for (std::size_t row = 0; row < my_share(many).extent(0); ++row) {
            auto const mine = result.logits.row().subspan(row * width, width);
            auto const theirs = std::span(all).subspan((my_first(many) + row) % few.extent(0) * width, width);
            ASSERT_LE(largest_difference(mine, theirs), 2e-5 * scale_of(all)) << transport << " " << row;
        }
        if (first.empty()) first = result.logits.values();
        EXPECT_EQ(result.logits.values(), first) << transport;
    }
}

TEST_P(OnGpus, BfloatIsNearTransformersWhereDecisionsFellAlike) {
    options_.precision = Precision::bfloat16;
    Expected const expected(GetParam());
    auto const model = LanguageModel::load(fixture_model(GetParam()), options_);
    for (auto const& [transport, exchange] : transports_) {
        TestParallel const parallel(*model, "random", "per_expert", exchange);
        half_precision::Compared compared;
        for (std::string const set : {"short", "long"}) {
            auto const result = model->forward(my_share(expected.tokens(set)), parallel.view(), wanted_);
            auto const part = half_precision::compare(*model, result, expected, set, transport);
            compared = {compared.rows + part.rows, compared.of_rows + part.of_rows};
        }
        half_precision::expect_enough(compared, transport);
    }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, OnGpus, testing::ValuesIn(fixture_models()), [](auto const& p) {
    auto name = p.param;
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
});

}  // namespace
}  // namespace moewire
