// The CUDA kernels against plain ATen in fp32, and whole models against the CPU. Skipped where no GPU is.
#include "gpu/gpu.hpp"

#include <c10/core/InferenceMode.h>
#include <cmath>
#include <filesystem>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "gpu/device.hpp"
#include "model/language_model.hpp"
#include "support/fixtures.hpp"
#include "support/parallel.hpp"

namespace moewire {
namespace {

class OnGpu : public testing::Test {
  protected:
    void SetUp() override {
        try {
            use_gpu(0);
        } catch (Error const& error) {
            EXPECT_EQ(error.exit_code(), 3);
            GTEST_SKIP() << error.what();
        }
        at::manual_seed(7);
    }
    c10::InferenceMode inference_;
};

std::vector<at::ScalarType> const types{at::kFloat, at::kBFloat16, at::kHalf};

at::Tensor random(std::vector<std::int64_t> const& shape, at::ScalarType type) {
    return at::randn(shape, at::TensorOptions(at::kCUDA).dtype(type));
}

// Relative to the norm of what is expected; the types' own rounding is the limit.
void expect_near(at::Tensor const& ours, at::Tensor const& exact, at::ScalarType type,
                 std::string const& what) {
    auto const error = (ours.to(at::kFloat) - exact).norm() / exact.norm();
    EXPECT_LE(error.item<double>(), type == at::kFloat ? 1e-6 : 5e-3) << what;
}

TEST(CudaLibrary, LoadsWhereNoGpuIs) {
    if (!std::filesystem::exists(std::filesystem::read_symlink("/proc/self/exe").parent_path() /
                                 "libmoewire_cuda.so"))
        GTEST_SKIP() << "built without CUDA";
    try {
        use_gpu(0);
    } catch (Error const& error) {
        EXPECT_EQ(error.exit_code(), 3);
        EXPECT_NE(std::string(error.what()).find("CUDA finds no device"), std::string::npos) << error.what();
    }
}

TEST_F(OnGpu, RmsNormIsThatOfAten) {
    for (auto const type : types) {
        for (std::int64_t const width : {1, 7, 64, 128, 2048, 4096, 5001}) {
            auto const x = random({3, 5, width}, type), weight = random({width}, type);
            auto const wide = x.to(at::kFloat);
            auto const normed = wide * at::rsqrt(wide.square().mean(-1, true) + 1e-5);
            for (auto const order : {Gpu::NormWeight::after_cast, Gpu::NormWeight::before_cast})
                expect_near(gpu().rms_norm(x, weight, 1e-5, order), normed * weight.to(at::kFloat), type,
                            "width " + std::to_string(width));
            // Rows of a wider tensor.
            auto const both = random({4, 2 * width}, type), part = both.narrow(1, 0, width);
            auto const part_wide = part.to(at::kFloat);
            expect_near(
                gpu().rms_norm(part, weight, 1e-5, Gpu::NormWeight::after_cast),
                part_wide * at::rsqrt(part_wide.square().mean(-1, true) + 1e-5) * weight.to(at::kFloat), type,
                "part of " + std::to_string(2 * width));
        }
    }
}

TEST_F(OnGpu, SwigluIsThatOfAten) {
    for (auto const type : types) {
        for (std::int64_t const width : {1, 13, 64, 768, 1001}) {
            auto const both = random({37, 2 * width}, type);
            auto const halves = both.to(at::kFloat).chunk(2, -1);
            expect_near(gpu().swiglu(both), at::silu(halves[0]) * halves[1], type, std::to_string(width));
        }
    }
    EXPECT_EQ(gpu().swiglu(random({0, 8}, at::kFloat)).numel(), 0);
}

TEST_F(OnGpu, RotationIsThatOfAten) {
    for (auto const type : types) {
        for (std::int64_t const half : {3, 32, 64}) {
            auto const x =
                random({2, 5, 9, 2 * half}, type).narrow(2, 1, 4);  // strided, as heads of a product are
            auto const cos = random({5, half}, type), sin = random({5, half}, type);
            auto const wide = x.to(at::kFloat);
            for (auto const pairs : {Gpu::Pairs::halves, Gpu::Pairs::neighbours}) {
                bool const halves = pairs == Gpu::Pairs::halves;
                auto const a = halves ? wide.narrow(3, 0, half) : wide.slice(3, 0, std::nullopt, 2);
                auto const b = halves ? wide.narrow(3, half, half) : wide.slice(3, 1, std::nullopt, 2);
                auto const c = cos.to(at::kFloat).unsqueeze(1), s = sin.to(at::kFloat).unsqueeze(1);
                expect_near(gpu().rotate(x, cos, sin, pairs), at::cat({a * c - b * s, b * c + a * s}, 3),
                            type, std::to_string(half));
            }
        }
    }
}

TEST_F(OnGpu, RowsAreSortedStably) {
    for (std::int64_t const rows : {0, 1, 31, 1024, 5000, 40'000}) {
        for (std::int64_t const slots : {1, 5, 64, 256}) {
            auto const of_row = at::randint(slots, {rows}, at::TensorOptions(at::kCUDA).dtype(at::kLong));
            auto const sorted = gpu().sort_by_slot(of_row, slots);
            auto const order = at::argsort(of_row.cpu(), /*stable=*/true, 0, false);
            EXPECT_TRUE(at::equal(sorted.order.cpu(), order)) << rows << " " << slots;
            EXPECT_TRUE(at::equal(sorted.order.index_select(0, sorted.place).cpu(), at::arange(rows)));
            auto const ends = at::bincount(of_row.cpu(), {}, slots).cumsum(0).to(at::kInt);
            EXPECT_TRUE(at::equal(sorted.slot_end.cpu(), ends)) << rows << " " << slots;
        }
    }
}

TEST_F(OnGpu, RowsAreTakenAndPutBack) {
    for (auto const type : types) {
        for (std::int64_t const width : {1, 3, 8, 64, 129, 2048}) {
            auto const rows = random({40, width}, type);
            auto const order = at::randperm(120, at::TensorOptions(at::kCUDA).dtype(at::kLong));
            auto const taken = gpu().take_rows(rows, order, 3);
            EXPECT_TRUE(at::equal(taken, rows.index_select(0, at::floor_divide(order, 3)))) << width;
            auto const back = gpu().put_rows(taken, order);
            EXPECT_TRUE(at::equal(back.index_select(0, order), taken)) << width;
            // The same, some of the rows left out.
            auto const ends = at::tensor({10, 30, 70, 120}, at::TensorOptions(at::kCUDA).dtype(at::kInt));
            auto const rest = gpu().take_rows(rows, order, 3, {ends, 2, 3});
            EXPECT_TRUE(at::equal(rest.narrow(0, 0, 30), taken.narrow(0, 0, 30))) << width;
            EXPECT_TRUE(at::equal(rest.narrow(0, 70, 50), taken.narrow(0, 70, 50))) << width;
            auto const later = gpu().take_rows(rows, order, 3, {ends, 0, 2});
            EXPECT_TRUE(at::equal(later.narrow(0, 30, 90), taken.narrow(0, 30, 90))) << width;
            auto const put = gpu().put_rows(taken, order, {30, 70});
            EXPECT_TRUE(at::equal(put.narrow(0, 0, 30), back.narrow(0, 0, 30))) << width;
            EXPECT_TRUE(at::equal(put.narrow(0, 70, 50), back.narrow(0, 70, 50))) << width;
        }
    }
    auto const none = at::empty({0}, at::TensorOptions(at::kCUDA).dtype(at::kLong));
    EXPECT_EQ(gpu().take_rows(random({4, 8}, at::kFloat), none, 1).size(0), 0);
}

// Rows left out must stay as they are: nothing else writes them in time.
TEST_F(OnGpu, RowsLeftOutAreNotWritten) {
    auto const rows = random({3000, 256}, at::kBFloat16);
    auto const order = at::arange(3000, at::TensorOptions(at::kCUDA).dtype(at::kLong));
    void* place = nullptr;
    {
        auto const room =
            at::full({3000, 256}, 7, rows.options());  // freed: the allocator's next of this size
        place = room.data_ptr();
    }
    auto const put = gpu().put_rows(rows, order, {1000, 2000});
    if (put.data_ptr() != place) GTEST_SKIP() << "the allocator gave other memory";
    EXPECT_TRUE(at::equal(put.narrow(0, 1000, 1000), at::full({1000, 256}, 7, rows.options())));
}

TEST_F(OnGpu, RowsElsewhereAreReadWhereTheyLie) {
    for (auto const type : types) {
        for (std::int64_t const width : {1, 129, 264, 2048}) {
            auto const rows = random({9000, width}, type), others = random({1500, width}, type);
            auto const longs = at::TensorOptions(at::kCUDA).dtype(at::kLong);
            auto const there = at::randint(4500, {2000}, longs);
            auto whole = rows.clone();  // what the table would be with all its rows in it
            whole.narrow(0, 3000, 2000).copy_(others.index_select(0, at::floor_divide(there, 3)));
            rows.narrow(0, 3000, 2000).fill_(NAN);
            auto const order = at::randperm(9000, longs);
            EXPECT_TRUE(at::equal(gpu().take_rows(rows, order, {others, there, 3, 3000}),
                                  whole.index_select(0, order)))
                << width;
            auto const weights = random({3000, 3}, at::kFloat);
            EXPECT_TRUE(at::equal(gpu().weighted_sum(rows, order, weights, {others, there, 3, 3000}),
                                  gpu().weighted_sum(whole, order, weights)))
                << width;
            auto const none = there.narrow(0, 0, 0);
            EXPECT_TRUE(
                at::equal(gpu().take_rows(whole, order, {others, none, 1, 0}), whole.index_select(0, order)))
                << width;
        }
    }
}

// Work beside sees what was queued before fork(), and what is queued after join() sees the work.
TEST_F(OnGpu, WorkBesideIsOrderedByForkAndJoin) {
    for (int round = 0; round < 50; ++round) {
        auto const values = at::zeros({1 << 22}, at::TensorOptions(at::kCUDA).dtype(at::kLong));
        values.fill_(round);
        gpu().fork();
        auto const meanwhile = random({1 << 20}, at::kFloat).cos();
        at::Tensor beside;
        gpu().beside([&] { beside = values + 1; });
        gpu().join();
        EXPECT_EQ(beside.add(1).min().item<std::int64_t>(), round + 2);
        EXPECT_LE(meanwhile.max().item<float>(), 1);
    }
}

TEST_F(OnGpu, FetchedValuesAreThoseOfTheirTime) {
    auto const values = at::arange(1000, at::TensorOptions(at::kCUDA).dtype(at::kInt));
    auto const here = gpu().fetch(values);
    values.zero_();
    gpu().await_fetched();
    EXPECT_TRUE(at::equal(here, at::arange(1000, at::kInt)));
}

TEST_F(OnGpu, SegmentsAreNumberedOneAfterAnother) {
    for (std::int64_t const segments : {1, 2, 33, 700}) {
        auto const sizes = at::randint(5, {segments}, at::kLong);  // many are empty
        auto const start = at::randint(1000, {segments}, at::kLong), end = sizes.cumsum(0);
        auto const count = end[-1].item<std::int64_t>();
        auto const expected = at::repeat_interleave(start - (end - sizes), sizes) + at::arange(count);
        auto const index = gpu().expand_segments(start.cuda(), end.cuda(), count);
        EXPECT_TRUE(at::equal(index.cpu(), expected)) << segments;
    }
}

TEST_F(OnGpu, WeightedSumIsThatOfAten) {
    for (auto const type : types) {
        for (std::int64_t const width : {5, 64, 2048}) {
            auto const results = random({21, width}, type);
            auto const place = at::randperm(21, at::TensorOptions(at::kCUDA).dtype(at::kLong));
            for (auto const of_weights : {type, at::kFloat}) {
                auto const weights = random({7, 3}, of_weights);
                auto const exact = (results.to(at::kFloat).index_select(0, place).view({7, 3, width}) *
                                    weights.to(at::kFloat).unsqueeze(2))
                                       .sum(1);
                expect_near(gpu().weighted_sum(results, place, weights), exact, type, std::to_string(width));
            }
        }
    }
}

TEST_F(OnGpu, ModelsGiveTheLogitsOfTransformers) {
    for (auto const& name : fixture_models()) {
        ModelOptions options;
        options.device = {0};
        auto const model = LanguageModel::load(fixture_model(name), options);
        TestParallel const parallel(*model, "random");
        Expected const expected(name);
        Wanted wanted;
        wanted.read_out = ReadOut::keep;
        for (std::string const set : {"short", "long"}) {
            auto const result = model->forward(expected.tokens(set), parallel.view(), wanted);
            auto const exact = expected.values<float>(set + ".logits");
            double scale = 0, worst = 0;
            for (std::size_t i = 0; i < exact.size(); ++i) {
                scale = std::max(scale, static_cast<double>(std::abs(exact[i])));
                worst = std::max(worst, static_cast<double>(std::abs(exact[i] - result.logits.values()[i])));
            }
            EXPECT_LE(worst, 2e-5 * scale) << name << " " << set;
        }
    }
}

TEST_F(OnGpu, RecordedStepsGiveTheLogitsOfTheWhole) {
    // A geometry whose experts can be grouped; a step is then recorded once and replayed.
    for (std::string const name :
         {"qwen3_moe-even", "olmoe-even", "mixtral-even", "qwen2_moe-even", "gpt_oss-even"}) {
        ModelOptions options;
        options.device = {0};
        options.precision = Precision::bfloat16;
        auto const model = LanguageModel::load(fixture_model(name), options);
        TestParallel const parallel(*model, "contiguous");
        auto const tokens = Expected(name).tokens("long");
        Wanted wanted;
        wanted.read_out = ReadOut::keep;
        auto const whole = model->forward(tokens, parallel.view(), wanted);
        auto const cache = model->make_cache(static_cast<std::int64_t>(tokens.extent(0)), 40);
        wanted.cache = cache.get();
        std::size_t near = 0, rows = 0;
        double scale = 0;
        for (float const v : whole.logits.values()) scale = std::max(scale, std::abs(static_cast<double>(v)));
        for (std::size_t p = 0; p < tokens.extent(1); ++p) {
            Grid<std::int32_t, 2> step(tokens.extent(0), 1);
            for (std::size_t s = 0; s < tokens.extent(0); ++s) step(s, 0) = tokens(s, p);
            auto const result = model->forward(step, parallel.view(), wanted);
            for (std::size_t s = 0; s < tokens.extent(0); ++s, ++rows) {
                double worst = 0;
                for (std::size_t v = 0; v < whole.logits.extent(2); ++v)
                    worst = std::max(
                        worst, std::abs(static_cast<double>(result.logits(s, 0, v)) - whole.logits(s, p, v)));
                near += worst < 0.05 * scale;
            }
        }
        // bfloat16 flips a pick here and there, and a row then differs by an expert.
        EXPECT_GE(near * 10, rows * 7) << name << ": " << near << " of " << rows;
    }
}

}  // namespace
}  // namespace moewire
