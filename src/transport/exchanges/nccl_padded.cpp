// ncclAlltoAll of equal blocks, each as large as the largest pair's rows. Where all pairs are equal already
// (payload `padded`) nothing is copied around it, and it can be part of a graph.
#include <algorithm>

#include "base/contract.hpp"
#include "base/registry.hpp"
#include "transport/nccl_exchange.hpp"
#include "transport/scratch.hpp"

namespace moewire {
namespace {

class NcclPadded : public NcclExchange {
  public:
    explicit NcclPadded(Communicator const& communicator) : NcclExchange(communicator) {}

    bool needs_all_rows() const override { return true; }

    void run(ExchangePlan const& plan, std::span<std::byte const> send,
             std::span<std::byte> receive) override {
        MOEWIRE_EXPECT(!plan.all_rows.empty());
        auto const [least, most] = std::minmax_element(plan.all_rows.begin(), plan.all_rows.end());
        auto const block = static_cast<std::size_t>(*most * plan.row_bytes);
        if (*least == *most) return nccl().all_to_all(send.data(), receive.data(), block);
        auto const ranks = plan.send_rows.size();
        auto const out = out_.room(ranks * block), in = in_.room(ranks * block);
        for (std::size_t peer = 0, at = 0; peer < ranks; ++peer) {
            auto const bytes = static_cast<std::size_t>(plan.send_rows[peer] * plan.row_bytes);
            copy_bytes(MemoryKind::device, out.data() + peer * block, send.data() + at, bytes);
            at += bytes;
        }
        nccl().all_to_all(out.data(), in.data(), block);
        for (std::size_t peer = 0, at = 0; peer < ranks; ++peer) {
            auto const bytes = static_cast<std::size_t>(plan.receive_rows[peer] * plan.row_bytes);
            copy_bytes(MemoryKind::device, receive.data() + at, in.data() + peer * block, bytes);
            at += bytes;
        }
    }

  private:
    Scratch out_{MemoryKind::device}, in_{MemoryKind::device};
};

bool const registered = register_in<ExchangeBackend>(
    "nccl_padded", "ncclAlltoAll between GPUs, every pair padded to the largest.",
    {waive_nccl, [](Communicator const& communicator, MemoryKind) {
         return std::make_unique<NcclPadded>(communicator);
     }});

}  // namespace
}  // namespace moewire
