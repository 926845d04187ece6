// What is planned for a GPU, without one: another computes its kernels on the CPU, and rows that nobody may
// read are not numbers.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "base/registry.hpp"
#include "gpu/gpu.hpp"
#include "support/compare.hpp"
#include "support/fixtures.hpp"
#include "support/parallel.hpp"

namespace moewire {
namespace {

void expect(bool condition) {
    if (!condition) throw std::logic_error("out of order");
}

class StandIn : public Gpu {
  public:
    StandIn() { let_stand_in(this); }
    ~StandIn() override { let_stand_in(nullptr); }
    StandIn(StandIn const&) = delete;
    StandIn& operator=(StandIn const&) = delete;

    at::Tensor rms_norm(at::Tensor const& x, at::Tensor const& weight, double eps, NormWeight) override {
        return x * at::rsqrt(x.square().mean(-1, true) + eps) * weight;  // fp32: either order of casts
    }
    at::Tensor swiglu(at::Tensor const& gate_up) override {
        auto const halves = gate_up.chunk(2, -1);
        return at::silu(halves[0]) * halves[1];
    }
    at::Tensor rotate(at::Tensor const&, at::Tensor const&, at::Tensor const&, Pairs) override {
        throw std::logic_error("the CPU has a way of its own");
    }
    GpuOrder sort_by_slot(at::Tensor const& slots, std::int64_t slot_count) override {
        auto const order = at::argsort(slots, true, 0, false);
        auto const place = at::empty_like(order).scatter_(0, order, at::arange(slots.size(0)));
        return {order, place, at::bincount(slots, {}, slot_count).cumsum(0).to(at::kInt)};
    }
    at::Tensor weighted_sum(at::Tensor const& results, at::Tensor const& place, at::Tensor const& weights,
                            RowsElsewhere const& elsewhere) override {
        auto const rows =
            picked(results, place, elsewhere).view({weights.size(0), weights.size(1), results.size(1)});
        return (rows * weights.to(at::kFloat).unsqueeze(2)).sum(1);
    }
    at::Tensor take_rows(at::Tensor const& rows, at::Tensor const& index, std::int64_t divisor,
                         SlotRange const& left_out) override {
        auto taken = rows.index_select(0, at::floor_divide(index, divisor));
        if (left_out.first < left_out.last) {
            auto const* end = left_out.slot_end.const_data_ptr<std::int32_t>();
            spoil(taken, left_out.first == 0 ? 0 : end[left_out.first - 1], end[left_out.last - 1]);
        }
        return taken;
    }
    at::Tensor take_rows(at::Tensor const& rows, at::Tensor const& index,
                         RowsElsewhere const& elsewhere) override {
        return picked(rows, index, elsewhere);
    }
    at::Tensor put_rows(at::Tensor const& rows, at::Tensor const& index, RowRange left_out) override {
        auto result = at::empty_like(rows).index_copy_(0, index, rows);
        spoil(result, left_out.begin, left_out.end);
        return result;
    }
    void fork() override {
        expect(state_ == State::joined);
        state_ = State::forked;
    }
    void beside(std::function<void()> const& work) override {
        expect(state_ == State::forked);
        work();
        state_ = State::beside;
    }
    void join() override {
        expect(state_ == State::beside);
        state_ = State::joined;
        ++layers;
    }
    at::Tensor fetch(at::Tensor const& values) override { return values.clone(); }
    void await_fetched() override {}
    at::Tensor expand_segments(at::Tensor const& start, at::Tensor const& end, std::int64_t count) override {
        auto const sizes = at::diff(end, 1, 0, at::zeros({1}, at::kLong));
        auto const numbers = at::repeat_interleave(start - (end - sizes), sizes) + at::arange(count);
        expect(numbers.size(0) == count);
        return numbers;
    }

    int layers = 0;

  private:
    enum class State { joined, forked, beside };

    static void spoil(at::Tensor const& rows, std::int64_t begin, std::int64_t end) {
        rows.narrow(0, begin, end - begin).fill_(std::numeric_limits<float>::quiet_NaN());
    }
    static at::Tensor picked(at::Tensor const& rows, at::Tensor const& index,
                             RowsElsewhere const& elsewhere) {
        if (!elsewhere.rows.defined()) return rows.index_select(0, index);
        auto whole = rows.clone();
        whole.narrow(0, elsewhere.begin, elsewhere.index.size(0))
            .copy_(elsewhere.rows.index_select(0, at::floor_divide(elsewhere.index, elsewhere.divisor)));
        return whole.index_select(0, index);
    }

    State state_ = State::joined;
};

// An exchange of this host that leaves own rows, and spoils the place where they would be.
class Leaving : public Exchange {
  public:
    explicit Leaving(std::unique_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}
    bool can_leave_own_rows() const override { return true; }
    void run(ExchangePlan const& plan, std::span<std::byte const> send,
             std::span<std::byte> receive) override {
        auto all = plan;
        all.own_rows = ExchangePlan::OwnRows::moved;
        exchange_->run(all, send, receive);
        if (plan.own_rows == ExchangePlan::OwnRows::moved) return;
        auto const rank = static_cast<std::ptrdiff_t>(world().rank());
        auto const begin =
            std::accumulate(plan.receive_rows.begin(), plan.receive_rows.begin() + rank, std::int64_t{0});
        auto const own = plan.receive_rows[static_cast<std::size_t>(rank)];
        auto const place = receive.subspan(static_cast<std::size_t>(begin * plan.row_bytes),
                                           static_cast<std::size_t>(own * plan.row_bytes));
        std::ranges::fill(place, std::byte{0xFF});
    }

  private:
    std::unique_ptr<Exchange> exchange_;
};

class PlannedForAGpu : public testing::TestWithParam<std::string> {};

TEST_P(PlannedForAGpu, LogitsEqualTransformersUnderEveryPlacement) {
    Expected const expected(GetParam());
    auto const model = LanguageModel::load(fixture_model(GetParam()), {});
    auto const name = default_exchange(world());
    std::vector<std::pair<std::string, std::shared_ptr<Exchange>>> const exchanges{
        {"moving", make_exchange(name, world())},
        {"leaving", std::make_shared<Leaving>(make_exchange(name, world()))}};
    StandIn stand_in;
    for (auto const& strategy : Registry<Strategy>::instance().entries()) {
        for (auto const& [way, exchange] : exchanges) {
            TestParallel const parallel(*model, strategy.name, "per_expert", exchange);
            for (std::string const set : {"short", "long"}) {
                auto const tokens = expected.tokens(set);
                Wanted wanted;
                wanted.read_out = ReadOut::keep;
                stand_in.layers = 0;
                auto const result = model->forward(my_share(tokens), parallel.view(), wanted);
                // A rank alone has nothing to plan.
                EXPECT_EQ(stand_in.layers, world().size() == 1 ? 0 : model->facts().layers);
                if (my_share(tokens).empty()) continue;
                auto const all = expected.values<float>(set + ".logits");
                auto const begin = my_first(tokens) * tokens.extent(1) * model->facts().vocabulary;
                EXPECT_LE(largest_difference(result.logits.row(),
                                             std::span(all).subspan(begin, result.logits.size())),
                          2e-5 * scale_of(all))
                    << strategy.name << ", " << way << ", " << set;
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, PlannedForAGpu, testing::ValuesIn(fixture_models()), [](auto const& p) {
    auto name = p.param;
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
});

}  // namespace
}  // namespace moewire
