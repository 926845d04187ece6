// Everybody gets everything and keeps its own: ncclAllGather to the experts, ncclReduceScatter home. More
// bytes, but two calls that every topology is tuned for.
#include <algorithm>
#include <numeric>

#include "base/contract.hpp"
#include "base/registry.hpp"
#include "transport/nccl_exchange.hpp"
#include "transport/scratch.hpp"

namespace moewire {
namespace {

// Who sends what to whom, in bytes.
class Table {
  public:
    explicit Table(ExchangePlan const& plan) : plan_(plan), ranks_(plan.send_rows.size()) {
        MOEWIRE_EXPECT(plan.all_rows.size() == ranks_ * ranks_);
    }
    std::size_t bytes(std::size_t source, std::size_t destination) const {
        return static_cast<std::size_t>(plan_.all_rows[source * ranks_ + destination] * plan_.row_bytes);
    }
    // Before `destination`'s rows among those that `source` sends.
    std::size_t sent_before(std::size_t source, std::size_t destination) const {
        std::size_t sum = 0;
        for (std::size_t d = 0; d < destination; ++d) sum += bytes(source, d);
        return sum;
    }
    // Before `source`'s rows among those that `destination` gets.
    std::size_t received_before(std::size_t source, std::size_t destination) const {
        std::size_t sum = 0;
        for (std::size_t s = 0; s < source; ++s) sum += bytes(s, destination);
        return sum;
    }
    std::size_t ranks() const { return ranks_; }

  private:
    ExchangePlan const& plan_;
    std::size_t ranks_;
};

std::size_t round_up(std::size_t bytes) {
    return (bytes + 15) / 16 * 16;
}

class NcclAllGather : public NcclExchange {
  public:
    explicit NcclAllGather(Communicator const& communicator)
        : NcclExchange(communicator), rank_(static_cast<std::size_t>(communicator.rank())) {}

    bool needs_all_rows() const override { return true; }

    void run(ExchangePlan const& plan, std::span<std::byte const> send,
             std::span<std::byte> receive) override {
        Table const table(plan);
        plan.way == ExchangePlan::Way::there ? gather(table, send, receive) : scatter(table, send, receive);
    }

  private:
    void gather(Table const& table, std::span<std::byte const> send, std::span<std::byte> receive) {
        std::size_t block = 0;
        for (std::size_t s = 0; s < table.ranks(); ++s)
            block = std::max(block, round_up(table.sent_before(s, table.ranks())));
        auto const mine = out_.room(block), all = in_.room(table.ranks() * block);
        device().copy(mine.data(), send.data(), send.size());
        nccl().all_gather(mine.data(), all.data(), block);
        for (std::size_t s = 0, at = 0; s < table.ranks(); ++s) {
            auto const bytes = table.bytes(s, rank_);
            device().copy(receive.data() + at, all.data() + s * block + table.sent_before(s, rank_), bytes);
            at += bytes;
        }
    }

    // Each byte of the sum has one rank that does not add zero, so bytes arrive as they were.
    void scatter(Table const& table, std::span<std::byte const> send, std::span<std::byte> receive) {
        std::size_t block = 0;
        for (std::size_t d = 0; d < table.ranks(); ++d)
            block = std::max(block, round_up(table.received_before(table.ranks(), d)));
        auto const all = in_.room(table.ranks() * block), mine = out_.room(block);
        device().fill(all.data(), std::byte{0}, all.size());
        for (std::size_t d = 0, at = 0; d < table.ranks(); ++d) {
            auto const bytes = table.bytes(rank_, d);
            device().copy(all.data() + d * block + table.received_before(rank_, d), send.data() + at, bytes);
            at += bytes;
        }
        nccl().reduce_scatter(all.data(), mine.data(), block);
        device().copy(receive.data(), mine.data(), receive.size());
    }

    std::size_t rank_;
    Scratch out_{MemoryKind::device}, in_{MemoryKind::device};
};

bool const registered =
    register_in<ExchangeBackend>("nccl_allgather", "ncclAllGather to the experts, ncclReduceScatter home.",
                                 {waive_nccl, [](Communicator const& communicator, MemoryKind) {
                                      return std::make_unique<NcclAllGather>(communicator);
                                  }});

}  // namespace
}  // namespace moewire
