// Grouped ncclSend and ncclRecv with exact counts: what every other GPU exchange is compared with.
#include "base/contract.hpp"
#include "base/registry.hpp"
#include "transport/nccl_exchange.hpp"

namespace moewire {
namespace {

class NcclSendRecv : public NcclExchange {
  public:
    explicit NcclSendRecv(Communicator const& communicator)
        : NcclExchange(communicator), rank_(static_cast<std::size_t>(communicator.rank())) {}

    bool can_leave_own_rows() const override { return true; }

    void run(ExchangePlan const& plan, std::span<std::byte const> send,
             std::span<std::byte> receive) override {
        MOEWIRE_EXPECT(send.size() == static_cast<std::size_t>(plan.total_send_rows() * plan.row_bytes));
        MOEWIRE_EXPECT(receive.size() ==
                       static_cast<std::size_t>(plan.total_receive_rows() * plan.row_bytes));
        out_.clear();
        in_.clear();
        std::size_t sent = 0, received = 0;
        for (std::size_t peer = 0; peer < plan.send_rows.size(); ++peer) {
            auto const out = static_cast<std::size_t>(plan.send_rows[peer] * plan.row_bytes);
            auto const in = static_cast<std::size_t>(plan.receive_rows[peer] * plan.row_bytes);
            bool const is_left = peer == rank_ && plan.own_rows == ExchangePlan::OwnRows::left;
            // Both sides know the count, so both leave an empty pair out.
            if (out > 0 && !is_left) out_.push_back({static_cast<int>(peer), send.data() + sent, out});
            if (in > 0 && !is_left) in_.push_back({static_cast<int>(peer), receive.data() + received, in});
            sent += out;
            received += in;
        }
        if (!out_.empty() || !in_.empty()) nccl().move(out_, in_);
    }

  private:
    std::size_t rank_;
    std::vector<OutPiece> out_;
    std::vector<InPiece> in_;
};

bool const registered = register_in<ExchangeBackend>(
    "nccl_send_recv", "Grouped ncclSend and ncclRecv between GPUs, exact counts.",
    {waive_nccl, [](Communicator const& communicator, MemoryKind) {
         return std::make_unique<NcclSendRecv>(communicator);
     }});

}  // namespace
}  // namespace moewire
