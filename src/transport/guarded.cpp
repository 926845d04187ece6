// What if an exchange never ends? On the host the call itself is timed; on a GPU, where it returns at once,
// events behind it are.
#include <deque>
#include <mutex>

#include "gpu/device.hpp"
#include "system/clock.hpp"
#include "transport/exchange.hpp"

namespace moewire {
namespace {

// Passes on everything but run().
class Guarded : public Exchange {
  public:
    explicit Guarded(std::unique_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}
    MemoryKind memory() const override { return exchange_->memory(); }
    bool needs_all_rows() const override { return exchange_->needs_all_rows(); }
    bool can_leave_own_rows() const override { return exchange_->can_leave_own_rows(); }
    std::optional<std::string> register_memory(std::span<std::byte> memory, Registration how) override {
        return exchange_->register_memory(memory, how);
    }
    std::optional<std::string> problem() override { return exchange_->problem(); }
    void give_up() override { exchange_->give_up(); }

  protected:
    std::unique_ptr<Exchange> exchange_;
};

class GuardedOnHost : public Guarded {
  public:
    GuardedOnHost(std::unique_ptr<Exchange> exchange, Watchdog& watchdog)
        : Guarded(std::move(exchange)), watchdog_(watchdog) {}

    void run(ExchangePlan const& plan, std::span<std::byte const> send,
             std::span<std::byte> receive) override {
        auto const label = plan.label();
        Watchdog::Guard const guard(watchdog_, label.c_str());
        exchange_->run(plan, send, receive);
    }

  private:
    Watchdog& watchdog_;
};

class GuardedOnDevice : public Guarded {
  public:
    GuardedOnDevice(std::unique_ptr<Exchange> exchange, Watchdog& watchdog)
        : Guarded(std::move(exchange)), watchdog_(watchdog), ends_(device().make_marks(most_)) {
        watchdog_.set_probe([this] { return oldest(); });
    }
    ~GuardedOnDevice() override { watchdog_.set_probe({}); }

    void run(ExchangePlan const& plan, std::span<std::byte const> send,
             std::span<std::byte> receive) override {
        if (device().is_recording())
            return exchange_->run(plan, send, receive);  // whoever replays it guards it
        {
            // Connections are made inside the first call.
            auto const label = plan.label();
            Watchdog::Guard const guard(watchdog_, label.c_str());
            exchange_->run(plan, send, receive);
        }
        std::lock_guard const lock(mutex_);
        forget_ended();
        if (under_way_.size() == most_) return;  // the older ones are watched
        ends_->mark(next_);
        under_way_.push_back({plan.label(), monotonic_s(), next_});
        next_ = (next_ + 1) % most_;
    }

  private:
    struct UnderWay {
        std::string label;
        double since_s;
        std::size_t end;
    };
    static constexpr std::size_t most_ = 64;

    void forget_ended() {
        while (!under_way_.empty() && ends_->is_reached(under_way_.front().end)) {
            under_way_.pop_front();
            // What waited in line behind it starts now.
            if (!under_way_.empty()) under_way_.front().since_s = monotonic_s();
        }
    }

    std::optional<Watchdog::Late> oldest() {
        std::lock_guard const lock(mutex_);
        forget_ended();
        if (under_way_.empty()) return std::nullopt;
        auto const& first = under_way_.front();
        return Watchdog::Late{first.label, first.since_s, exchange_->problem(),
                              [this] { exchange_->give_up(); }};
    }

    Watchdog& watchdog_;
    std::mutex mutex_;
    std::unique_ptr<DeviceMarks> ends_;
    std::deque<UnderWay> under_way_;
    std::size_t next_ = 0;
};

}  // namespace

std::unique_ptr<Exchange> guarded(std::unique_ptr<Exchange> exchange, Watchdog& watchdog) {
    if (exchange->memory() == MemoryKind::device)
        return std::make_unique<GuardedOnDevice>(std::move(exchange), watchdog);
    return std::make_unique<GuardedOnHost>(std::move(exchange), watchdog);
}

}  // namespace moewire
