#include <deque>
#include <functional>
#include <memory>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "measure/flow_check.hpp"
#include "measure/ladder.hpp"
#include "support/world.hpp"

namespace moewire {
namespace {

// Shape: [ranks, ranks]; every flow of another size, some empty.
ByteMatrix skewed(std::uint64_t step_bytes) {
    ByteMatrix bytes(world().size(), world().size());
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes.values()[i] = i * i % 7 * step_bytes;
    bytes(0, 0) = step_bytes;
    return bytes;
}

// A clock that only exchanges move: by 2 s on rank 0, 3 s on rank 1, ...; meetings cost 100 s, which no time
// may contain. Like a device, it runs what it was told when somebody waits for it.
class Device : public Lane {
  public:
    explicit Device(std::unique_ptr<Lane> host) : host_(std::move(host)) {}

    void enqueue(std::function<void()> work) { queue_.push_back(std::move(work)); }
    void advance(double seconds) { now_s_ += seconds; }

    char const* clock() const override { return "device"; }
    void allocate(std::uint64_t send, std::uint64_t receive) override { host_->allocate(send, receive); }
    std::span<std::byte const> send() const override { return host_->send(); }
    std::span<std::byte> receive() override { return host_->receive(); }
    void write_send(std::uint64_t at, std::span<std::byte const> rows) override {
        host_->write_send(at, rows);
    }
    void read_receive(std::uint64_t at, std::span<std::byte> rows) override { host_->read_receive(at, rows); }
    void align() override {
        drain();
        host_->align();
        now_s_ += 100;
        ++aligned;
    }
    void expect(std::size_t iterations) override {
        host_->expect(iterations);
        marks_ = host_->finish();
    }
    void begin(std::size_t i) override {
        enqueue([this, i] { marks_.begin_s[i] = now_s_; });
    }
    void end(std::size_t i) override {
        enqueue([this, i] { marks_.end_s[i] = now_s_; });
    }
    Marks finish() override {
        drain();
        return marks_;
    }
    int aligned = 0;

  private:
    void drain() {
        for (; !queue_.empty(); queue_.pop_front()) queue_.front()();
    }
    std::unique_ptr<Lane> host_;
    std::deque<std::function<void()>> queue_;
    Marks marks_;
    double now_s_ = 0;
};

// Returns at once; the exchange happens when the device gets to it.
class EnqueuedExchange : public Exchange {
  public:
    EnqueuedExchange(Exchange& inner, Device& device) : inner_(inner), device_(device) {}
    void run(ExchangePlan const& plan, std::span<std::byte const> send,
             std::span<std::byte> receive) override {
        device_.enqueue([this, plan, send, receive] {
            inner_.run(plan, send, receive);
            device_.advance(2.0 + static_cast<double>(index_of(world().rank())));
            ++runs;
        });
    }
    int runs = 0;

  private:
    Exchange& inner_;
    Device& device_;
};

class SpoiledExchange : public Exchange {
  public:
    explicit SpoiledExchange(Exchange& inner) : inner_(inner) {}
    void run(ExchangePlan const& plan, std::span<std::byte const> send,
             std::span<std::byte> receive) override {
        inner_.run(plan, send, receive);
        if (world().rank() == make_id<RankId>(world().size() - 1) && !receive.empty())
            receive[receive.size() / 2] ^= std::byte{4};
    }

  private:
    Exchange& inner_;
};

std::unique_ptr<Exchange> plain_exchange() {
    return make_exchange(default_exchange(world()), world());
}

TEST(Ladder, TimesOfADeviceAreItsOwnAndHoldNoMeeting) {
    auto const inner = plain_exchange();
    for (auto const cadence : {Cadence::isolated, Cadence::chained}) {
        Device device(make_host_lane(world()));
        EnqueuedExchange exchange(*inner, device);
        std::vector<ByteMatrix> const rungs{skewed(160), skewed(16)};
        Ladder ladder(world(), exchange, device, {.cadence = cadence, .stop = {.most_iterations = 9}}, rungs);
        auto const samples = ladder.climb(rungs[1]);
        EXPECT_EQ(exchange.runs, 1 + 2 + 9);  // checked, warmed up, timed
        EXPECT_EQ(device.aligned, 1 + (cadence == Cadence::isolated ? 9 : 1));
        EXPECT_EQ(samples.ended, Stop::iterations);
        EXPECT_GT(samples.first_call_s, 0);
        EXPECT_EQ(samples.rank_s.empty(), !world().is_root());
        for (std::size_t i = 0; i < samples.rank_s.extent(0); ++i) {
            for (std::size_t rank = 0; rank < samples.rank_s.extent(1); ++rank)
                EXPECT_DOUBLE_EQ(samples.rank_s(i, rank), 2.0 + static_cast<double>(rank));
        }
    }
}

TEST(Ladder, EqualSamplesAreEnoughAfterOneBatch) {
    auto const inner = plain_exchange();
    Device device(make_host_lane(world()));
    EnqueuedExchange exchange(*inner, device);
    std::vector<ByteMatrix> const rungs{skewed(16)};
    Ladder ladder(world(), exchange, device, {.stop = {.most_iterations = 500, .width = 0.01}}, rungs);
    auto const samples = ladder.climb(rungs[0]);
    EXPECT_EQ(samples.ended, Stop::width);
    EXPECT_EQ(exchange.runs, 1 + 2 + 20);
    EXPECT_EQ(samples.rank_s.extent(0), world().is_root() ? 20u : 0u);
}

TEST(Ladder, HostMemoryIsCheckedAndTimed) {
    auto const exchange = plain_exchange();
    auto const lane = make_host_lane(world());
    std::vector<ByteMatrix> const rungs{ByteMatrix(world().size(), world().size()), skewed(16),
                                        skewed(16 * 50000)};
    Ladder ladder(world(), *exchange, *lane, {.stop = {.most_iterations = 3}}, rungs);
    for (auto const& rung : rungs) {
        auto const samples = ladder.climb(rung);
        for (double const time_s : samples.rank_s.values()) EXPECT_GE(time_s, 0);
        auto const ranks = world().is_root() ? static_cast<std::size_t>(world().size()) : 0;
        EXPECT_EQ(samples.rank_s.shape(), (std::array{std::size_t{world().is_root() ? 3u : 0u}, ranks}));
    }
    EXPECT_EQ(lane->clock(), std::string("host"));
}

TEST(Ladder, ASpoiledByteIsFoundOnAllRanks) {
    auto const inner = plain_exchange();
    SpoiledExchange exchange(*inner);
    auto const lane = make_host_lane(world());
    std::vector<ByteMatrix> const rungs{skewed(48)};
    Ladder ladder(world(), exchange, *lane, {}, rungs);
    try {
        ladder.call(rungs[0]);
        ADD_FAILURE() << "a spoiled byte went unseen";
    } catch (Error const& error) {
        EXPECT_EQ(error.source(), "verify");
        EXPECT_NE(std::string(error.what()).find("to rank " + std::to_string(world().size() - 1)),
                  std::string::npos)
            << error.what();
    }
}

TEST(Ladder, RowsOfAnEarlierCheckDoNotPass) {
    auto const lane = make_host_lane(world());
    lane->allocate(32, 32);
    std::vector<std::uint64_t> const bytes{32};
    std::vector<std::byte> rows(32);
    write_flows(*lane, bytes, RankId{0}, 1);
    std::copy(lane->send().begin(), lane->send().end(), lane->receive().begin());
    EXPECT_EQ(check_flows(*lane, bytes, RankId{0}, 1), "");
    EXPECT_NE(check_flows(*lane, bytes, RankId{0}, 2), "");
    EXPECT_NE(check_flows(*lane, bytes, RankId{1}, 1), "");
}

TEST(Ladder, RoomThatNoMachineHasIsRefusedOnAllRanks) {
    auto const exchange = plain_exchange();
    auto const lane = make_host_lane(world());
    ByteMatrix huge(world().size(), world().size());
    huge(0, 0) = most_pair_bytes;  // rank 0 alone
    std::vector<ByteMatrix> const rungs{huge};
    try {
        Ladder ladder(world(), *exchange, *lane, {}, rungs);
        ADD_FAILURE() << "a PiB was allocated";
    } catch (Error const& error) {
        EXPECT_EQ(error.exit_code(), 2);
    }
}

TEST(Ladder, PlansAreRowsOfTheMatrixAndItsTranspose) {
    auto const bytes = in_rows(skewed(72), 32);
    auto const plan = plan_of(bytes, world().rank(), 32);
    for (int peer = 0; peer < world().size(); ++peer) {
        EXPECT_EQ(bytes(world().rank(), peer),
                  static_cast<std::uint64_t>(32 * plan.send_rows[static_cast<std::size_t>(peer)]));
        EXPECT_EQ(bytes(peer, world().rank()),
                  static_cast<std::uint64_t>(32 * plan.receive_rows[static_cast<std::size_t>(peer)]));
    }
}

}  // namespace
}  // namespace moewire
