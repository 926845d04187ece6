#include "transport/exchange.hpp"

#include <numeric>

#include <fmt/format.h>

#include "base/registry.hpp"
#include "system/agreement.hpp"
#include "transport/wire.hpp"

namespace moewire {

std::int64_t ExchangePlan::total_send_rows() const {
    return std::accumulate(send_rows.begin(), send_rows.end(), std::int64_t{0});
}

std::int64_t ExchangePlan::total_receive_rows() const {
    return std::accumulate(receive_rows.begin(), receive_rows.end(), std::int64_t{0});
}

ExchangePlan ExchangePlan::reversed() const {
    auto const ranks = send_rows.size();
    auto transposed = all_rows;
    for (std::size_t at = 0; at < all_rows.size(); ++at)
        transposed[at % ranks * ranks + at / ranks] = all_rows[at];
    return {
        row_bytes, receive_rows, send_rows, std::move(transposed), way == Way::there ? Way::back : Way::there,
        layer,     own_rows};
}

std::string ExchangePlan::label() const {
    auto const* const phase = way == Way::there ? "dispatch" : "combine";
    return layer ? fmt::format("layer {}, {}", index_of(*layer), phase) : phase;
}

std::unique_ptr<Exchange> make_exchange(std::string_view name, Communicator const& communicator,
                                        MemoryKind memory) {
    std::unique_ptr<Exchange> exchange;
    run_on_all(communicator, [&] {
        auto const& backend = Registry<ExchangeBackend>::instance().at(name).value;
        if (auto const reason = backend.waive(communicator, memory)) {
            throw unavailable("transport", fmt::format("transport '{}' cannot run here ({})", name, *reason));
        }
        exchange = backend.make(communicator, memory);
    });
    return exchange;
}

std::string default_exchange(Communicator const& communicator, MemoryKind memory) {
    if (communicator.size() == 1) return "loopback";
    // Where NCCL cannot, rows go through the host.
    bool const nccl = memory == MemoryKind::device && !waive_nccl(communicator, memory);
    return nccl ? "nccl_send_recv" : "mpi";
}

ExchangePlan with_all_rows(ExchangePlan plan, Exchange const& exchange, Communicator const& communicator) {
    if (!exchange.needs_all_rows()) return plan;
    plan.all_rows = communicator.gather(std::span<std::int64_t const>(plan.send_rows));
    communicator.broadcast(plan.all_rows);
    return plan;
}

}  // namespace moewire
