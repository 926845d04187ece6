// What do all exchanges over NCCL have in common?
#pragma once

#include "transport/wire.hpp"

namespace moewire {

class NcclExchange : public Exchange {
  public:
    MemoryKind memory() const override { return MemoryKind::device; }
    std::optional<std::string> register_memory(std::span<std::byte> memory, Registration how) override {
        return nccl_->register_memory(
            memory, how == Registration::local ? Nccl::Registration::local : Nccl::Registration::window);
    }
    std::optional<std::string> problem() override { return nccl_->problem(); }
    void give_up() override { nccl_->give_up(); }

  protected:
    // Collective: all ranks.
    explicit NcclExchange(Communicator const& communicator) : nccl_(nccl_of(communicator)) {}
    Nccl& nccl() { return *nccl_; }

  private:
    std::shared_ptr<Nccl> nccl_;
};

}  // namespace moewire
