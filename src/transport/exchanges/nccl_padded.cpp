// ncclAlltoAll of equal blocks, each as large as the largest pair's rows. Where all pairs are equal already
// (payload `padded`) nothing is copied around it, and it can be part of a graph.
#include <algorithm>

#include "base/contract.hpp"
#include "base/registry.hpp"
#include "transport/scratch.hpp"
#include "transport/wire.hpp"

namespace moewire {
namespace {

class NcclPadded : public Exchange {
  public:
    explicit NcclPadded(Communicator const& communicator) : nccl_(nccl_of(communicator)) {}

    MemoryKind memory() const override { return MemoryKind::device; }
    bool needs_all_rows() const override { return true; }

    void run(ExchangePlan const& plan, std::span<std::byte const> send,
             std::span<std::byte> receive) override {
        MOEWIRE_EXPECT(!plan.all_rows.empty());
        auto const [least, most] = std::minmax_element(plan.all_rows.begin(), plan.all_rows.end());
        auto const block = static_cast<std::size_t>(*most * plan.row_bytes);
        if (*least == *most) return nccl_->all_to_all(send.data(), receive.data(), block);
        auto const ranks = plan.send_rows.size();
        auto const out = out_.room(ranks * block), in = in_.room(ranks * block);
        for (std::size_t peer = 0, at = 0; peer < ranks; ++peer) {
            auto const bytes = static_cast<std::size_t>(plan.send_rows[peer] * plan.row_bytes);
            copy_bytes(MemoryKind::device, out.data() + peer * block, send.data() + at, bytes);
            at += bytes;
        }
        nccl_->all_to_all(out.data(), in.data(), block);
        for (std::size_t peer = 0, at = 0; peer < ranks; ++peer) {
            auto const bytes = static_cast<std::size_t>(plan.receive_rows[peer] * plan.row_bytes);
            copy_bytes(MemoryKind::device, receive.data() + at, in.data() + peer * block, bytes);
            at += bytes;
        }
    }

    std::optional<std::string> register_memory(std::span<std::byte> memory, Registration how) override {
        return nccl_->register_memory(
            memory, how == Registration::local ? Nccl::Registration::local : Nccl::Registration::window);
    }
    std::optional<std::string> problem() override { return nccl_->problem(); }
    void give_up() override { nccl_->give_up(); }

  private:
    std::shared_ptr<Nccl> nccl_;
    Scratch out_{MemoryKind::device}, in_{MemoryKind::device};
};

bool const registered = register_in<ExchangeBackend>(
    "nccl_padded", "ncclAlltoAll between GPUs, every pair padded to the largest.",
    {waive_nccl, [](Communicator const& communicator, MemoryKind) {
         return std::make_unique<NcclPadded>(communicator);
     }});

}  // namespace
}  // namespace moewire
