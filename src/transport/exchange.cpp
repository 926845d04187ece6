#include "transport/exchange.hpp"

#include <numeric>

#include <fmt/format.h>

#include "base/registry.hpp"
#include "system/agreement.hpp"

namespace moewire {
namespace {

class GuardedExchange : public Exchange {
  public:
    GuardedExchange(std::unique_ptr<Exchange> exchange, Watchdog& watchdog)
        : exchange_(std::move(exchange)), watchdog_(watchdog) {}

    void run(ExchangePlan const& plan, std::span<std::byte const> send,
             std::span<std::byte> receive) override {
        Watchdog::Guard const guard(watchdog_, "an exchange");
        exchange_->run(plan, send, receive);
    }

  private:
    std::unique_ptr<Exchange> exchange_;
    Watchdog& watchdog_;
};

}  // namespace

std::int64_t ExchangePlan::total_send_rows() const {
    return std::accumulate(send_rows.begin(), send_rows.end(), std::int64_t{0});
}

std::int64_t ExchangePlan::total_receive_rows() const {
    return std::accumulate(receive_rows.begin(), receive_rows.end(), std::int64_t{0});
}

ExchangePlan ExchangePlan::reversed() const {
    return {row_bytes, receive_rows, send_rows};
}

std::unique_ptr<Exchange> make_exchange(std::string_view name, Communicator const& communicator) {
    std::unique_ptr<Exchange> exchange;
    run_on_all(communicator, [&] {
        auto const& backend = Registry<ExchangeBackend>::instance().at(name).value;
        if (auto const reason = backend.waive(communicator)) {
            throw unavailable("transport", fmt::format("transport '{}' cannot run here ({})", name, *reason));
        }
        exchange = backend.make(communicator);
    });
    return exchange;
}

std::unique_ptr<Exchange> guarded(std::unique_ptr<Exchange> exchange, Watchdog& watchdog) {
    return std::make_unique<GuardedExchange>(std::move(exchange), watchdog);
}

std::string default_exchange(Communicator const& communicator) {
    return communicator.size() > 1 ? "mpi" : "loopback";
}

}  // namespace moewire
