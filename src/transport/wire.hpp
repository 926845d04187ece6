// How do pieces of memory get from rank to rank? Sends and receives that exchanges are composed of.
#pragma once

#include <memory>
#include <span>

#include "gpu/nccl.hpp"
#include "gpu/nccl_log.hpp"
#include "system/communicator.hpp"
#include "transport/exchange.hpp"

namespace moewire {

class Wire {
  public:
    virtual ~Wire() = default;

    // Collective: every rank that has a piece with another. Pieces between the same two ranks match in their
    // order; none may be empty. Host memory: complete on return; a GPU's: enqueued.
    virtual void move(std::span<OutPiece const> out, std::span<InPiece const> in) = 0;

    virtual std::optional<std::string> problem() { return std::nullopt; }
    virtual void give_up() {}
};

// Collective: all ranks. Host: MPI; device: NCCL.
std::unique_ptr<Wire> make_wire(Communicator const& communicator, MemoryKind memory);

// Collective: all ranks. NCCL's communicator over these ranks, the same for all who ask while it is in use.
// Throws: failure.
std::shared_ptr<Nccl> nccl_of(Communicator const& communicator);

// How NCCL set itself up for the first communicator of this process; empty before, and where the user directs
// what NCCL says.
NcclSettings const& nccl_settings();

// Collective: all ranks. Why NCCL cannot serve these ranks, or nothing.
std::optional<std::string> waive_nccl(Communicator const& communicator, MemoryKind memory);

// Collective: all ranks. The largest number of ranks on one GPU; 1 where each has its own.
int ranks_on_one_gpu(Communicator const& communicator);

}  // namespace moewire
