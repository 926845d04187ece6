// What does NCCL do for us? The calls that exchanges are made of, on one communicator; no header of NCCL is
// needed.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace moewire {

struct NcclFacts {
    int version = 0;           // of the library that runs, as NCCL writes it: 22809 is 2.28.9
    bool all_to_all = false;   // ncclAlltoAll, since 2.28.3
    bool windows = false;      // ncclCommWindowRegister, since 2.27
    bool shares_gpus = false;  // several ranks on one GPU: since 2.30.3, where the environment allows it
    std::string version_text() const {  // "2.28.9"; here, because both libraries need it
        return std::to_string(version / 10'000) + "." + std::to_string(version / 100 % 100) + "." +
               std::to_string(version % 100);
    }
};

// Bytes that one rank sends to a peer, or gets from it.
struct OutPiece {
    int peer = 0;
    std::byte const* at = nullptr;
    std::size_t bytes = 0;
};
struct InPiece {
    int peer = 0;
    std::byte* at = nullptr;
    std::size_t bytes = 0;
};

// One rank's end of an NCCL communicator. Stream: the current one; calls return when the work is enqueued.
// All memory is the GPU's. Throws: failure (source "nccl") with NCCL's own words.
class Nccl {
  public:
    // Closes the communicator once its work is done; abandons it after give_up().
    virtual ~Nccl() = default;

    // Collective: every rank that has a piece with another. One group of sends and receives. Pieces between
    // the same two ranks match in their order. Pieces of no bytes must be left out on both sides.
    virtual void move(std::span<OutPiece const> out, std::span<InPiece const> in) = 0;

    // Collective: all ranks. Shape of both: [rank, bytes_per_rank]. ncclAlltoAll where the library has it,
    // else the group of sends and receives that it stands for.
    virtual void all_to_all(std::byte const* send, std::byte* receive, std::size_t bytes_per_rank) = 0;

    // Collective: all ranks. Shapes: [bytes] -> [rank, bytes].
    virtual void all_gather(std::byte const* send, std::byte* receive, std::size_t bytes) = 0;

    // Collective: all ranks. Shapes: [rank, bytes] -> [bytes]: sums of 32-bit integers, so that where all
    // ranks but one hold zeros, that one's bytes arrive as they were. `bytes`: a multiple of 4.
    virtual void reduce_scatter(std::byte const* send, std::byte* receive, std::size_t bytes) = 0;

    // Collective: all ranks. From now on NCCL may use this memory without copies, until the communicator
    // ends. Returns why not, where the library does not offer it.
    enum class Registration { local, window };
    virtual std::optional<std::string> register_memory(std::span<std::byte> memory, Registration how) = 0;

    // What went wrong behind the scenes, or nothing. From any thread.
    virtual std::optional<std::string> problem() = 0;

    // Ends the communicator at once: what is under way is given up. From any thread.
    virtual void give_up() = 0;
};

}  // namespace moewire
