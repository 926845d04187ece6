// How do rows get from rank to rank? One all-to-all with unequal counts, behind one interface.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "system/communicator.hpp"
#include "system/watchdog.hpp"

namespace moewire {

// Who sends how many rows to whom, seen from one rank. Rows lie in rank order, without gaps.
struct ExchangePlan {
    std::int64_t row_bytes = 0;
    std::vector<std::int64_t> send_rows;     // Shape: [destination rank]
    std::vector<std::int64_t> receive_rows;  // Shape: [source rank]

    std::int64_t total_send_rows() const;
    std::int64_t total_receive_rows() const;
    // The way back: what was received is sent.
    ExchangePlan reversed() const;
};

// One backend on one communicator.
class Exchange {
  public:
    virtual ~Exchange() = default;

    // Collective: all ranks. Moves the rows of `send` (grouped by destination) into `receive` (grouped by
    // source) and returns when this rank's rows are complete. The buffers must not overlap. Throws: failure,
    // when the backend fails.
    virtual void run(ExchangePlan const& plan, std::span<std::byte const> send,
                     std::span<std::byte> receive) = 0;
};

// A file in exchanges/.
struct ExchangeBackend {
    static constexpr char const* catalogue = "transport/exchanges";
    // Why it cannot run on this communicator, or nothing.
    std::function<std::optional<std::string>(Communicator const&)> waive;
    std::function<std::unique_ptr<Exchange>(Communicator const&)> make;
};

// Collective: all ranks. Throws: usage for an unknown name; unavailable, when any rank waives it.
std::unique_ptr<Exchange> make_exchange(std::string_view name, Communicator const& communicator);

// The same exchange under a time limit: a run that lasts longer ends the program (see Watchdog).
std::unique_ptr<Exchange> guarded(std::unique_ptr<Exchange> exchange, Watchdog& watchdog);

// The backend that fits: "mpi" with several ranks, else "loopback".
std::string default_exchange(Communicator const& communicator);

}  // namespace moewire
