// Where do the rows of a sweep lie, and whose clock times them? The seam between a measurement and a device.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "gpu/device.hpp"
#include "system/communicator.hpp"

namespace moewire {

// When iterations began and ended, on the lane's clock: only differences of one rank's marks mean anything.
// Shape: [iteration]; not a number where no mark was made. Unit: seconds.
struct Marks {
    std::vector<double> begin_s, end_s;
};

// Memory for the rows of one rank, a clock, and a meeting point. Exchanges may merely enqueue what they are
// told: begin() and end() mark the place in the same queue, and nothing needs its time before finish().
class Lane {
  public:
    virtual ~Lane() = default;

    // "host" or "device": never mixed in one column.
    virtual char const* clock() const = 0;

    // Room for that many bytes on each side, instead of what was there; what they hold is not defined.
    // Throws: usage, when this rank's part of the memory does not suffice; then nothing was allocated.
    virtual void allocate(std::uint64_t send_bytes, std::uint64_t receive_bytes) = 0;

    // What an Exchange is given. A device's memory: the host may not look into it.
    virtual std::span<std::byte const> send() const = 0;
    virtual std::span<std::byte> receive() = 0;

    // Copies from and to host memory; returns when done. `at`: bytes from the side's begin.
    virtual void write_send(std::uint64_t at, std::span<std::byte const> rows) = 0;
    virtual void read_receive(std::uint64_t at, std::span<std::byte> rows) = 0;

    // Collective: all ranks. Waits for all that was enqueued here, then for the other ranks.
    virtual void align() = 0;

    // Forgets all marks and makes room for others, so that a mark costs no allocation.
    virtual void expect(std::size_t iterations) = 0;
    virtual void begin(std::size_t iteration) = 0;
    virtual void end(std::size_t iteration) = 0;

    // Waits for all that was enqueued, and says when it happened.
    virtual Marks finish() = 0;
};

// Collective: all ranks. Host memory, the host's steady clock, a barrier.
std::unique_ptr<Lane> make_host_lane(Communicator const& communicator);

// Collective: all ranks. Memory of the GPU in use, events on its current stream, a barrier.
std::unique_ptr<Lane> make_device_lane(Communicator const& communicator,
                                       DeviceMemory memory = DeviceMemory::device);

}  // namespace moewire
