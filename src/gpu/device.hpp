// Where do rows lie on a GPU, and when does what happen there? Memory, order of work, clocks; no torch is
// named.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "gpu/nccl.hpp"

namespace moewire {

// Memory on the GPU, or of the host and known to the GPU (pinned), from construction to destruction.
class DeviceBuffer {
  public:
    virtual ~DeviceBuffer() = default;
    virtual std::span<std::byte> bytes() const = 0;
};
// `registrable`: on the GPU, by NCCL's own allocator, as its windows want it.
enum class DeviceMemory { device, pinned, registrable };

// Work recorded once and launched as a whole.
class GpuGraph {
  public:
    virtual ~GpuGraph() = default;
    virtual void replay() = 0;  // Stream: the current one
};

// Moments in the order of the current stream. Each index may be marked again and again; the last one counts.
class DeviceMarks {
  public:
    virtual ~DeviceMarks() = default;
    virtual void mark(std::size_t index) = 0;   // an event; part of a graph when one is recorded
    virtual void stamp(std::size_t index) = 0;  // the GPU's own clock, written by a kernel of one thread
    // After synchronise() alone. Unit: seconds; of stamps on the GPU's clock, whose zero is arbitrary.
    virtual double seconds_between(std::size_t first, std::size_t last) const = 0;
    virtual double stamp_s(std::size_t index) const = 0;
    // Has the work before the mark been done? From any thread.
    virtual bool is_reached(std::size_t index) const = 0;
};

// GPU and host clocks seen at one moment: the GPU's time lay between the two readings of the host's.
struct ClockReading {
    double host_before_s = 0, device_s = 0, host_after_s = 0;
};

struct DeviceFacts {
    int index = 0;
    std::string name, uuid, pci_bus_id;
    std::int64_t memory_bytes = 0, l2_bytes = 0;
    int multiprocessors = 0;
    double memory_bytes_per_s = 0;  // on paper
    int links = 0;                  // active NVLinks
    double link_bytes_per_s = 0;    // of all its NVLinks, one direction, on paper; 0: none are known
    std::string driver, runtime;    // CUDA versions, "13.0"
};

// What the driver says at this moment. Negative: it does not say.
struct DeviceState {
    double sm_clock_mhz = -1, memory_clock_mhz = -1, power_w = -1, temperature_c = -1;
    std::string throttled;  // reasons by comma; empty: at full speed, or unknown
};

// The selected GPU. Stream: work goes to the current stream in the order of the calls, and nothing waits for
// it but synchronise(). Throws: failure (source "cuda") from every call that fails.
class Device {
  public:
    virtual ~Device() = default;

    virtual int count() const = 0;
    virtual void select(int index) = 0;
    virtual DeviceFacts facts() const = 0;
    virtual DeviceState state() const = 0;
    virtual std::int64_t peak_memory_bytes() const = 0;  // of tensors, since the start

    virtual std::unique_ptr<DeviceBuffer> allocate(std::size_t bytes, DeviceMemory where) = 0;
    virtual void copy(void* to, void const* from, std::size_t bytes) = 0;  // in any direction
    virtual void fill(void* at, std::byte value, std::size_t bytes) = 0;
    virtual void spin(double seconds) = 0;  // occupies the stream so long: a delay on purpose
    virtual void displace_cache() = 0;      // fills the L2 cache with something else

    virtual void synchronise() = 0;   // waits for the current stream
    virtual bool is_idle() = 0;       // has the current stream done everything?
    virtual bool is_recording() = 0;  // is the current stream being recorded as a graph?

    // Runs `work` on a stream of its own while recording it. Throws: c10::Error or failure, when it waits for
    // the device or does anything else that cannot be recorded.
    virtual std::unique_ptr<GpuGraph> capture(std::function<void()> const& work) = 0;

    virtual std::unique_ptr<DeviceMarks> make_marks(std::size_t count) = 0;
    // A kernel answers the host `rounds` times with its clock.
    virtual std::vector<ClockReading> read_clock(int rounds) = 0;

    virtual NcclFacts nccl_facts() const = 0;
    virtual std::string make_nccl_id() const = 0;  // by one rank; the others get its bytes
    // Collective: all `size` ranks, each with its GPU selected, within `limit_s`. Throws: failure ("nccl").
    virtual std::unique_ptr<Nccl> connect(std::string const& id, int rank, int size, double limit_s) = 0;
};

// Loads the CUDA library and selects a GPU. Later calls may select another. Throws: unavailable (exit code
// 3), when the library, a driver or the GPU is missing.
Device& use_gpu(int index);

// The GPUs that can be used here; zero where the library, a driver or a GPU is missing. Never throws.
int usable_gpus();

// The GPU for the rank in this place on its host: ranks take the GPUs in turn, and share them where there are
// more ranks. Where no GPU can be used, the place itself: use_gpu then says why.
int gpu_for(int place_on_host);

// The one in use. Throws: contract, before use_gpu.
Device& device();
bool has_device();

}  // namespace moewire
