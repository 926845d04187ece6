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

// Where the rows of an exchange lie.
enum class MemoryKind { host, device };

// Who sends how many rows to whom, seen from one rank. Rows lie in rank order, without gaps.
struct ExchangePlan {
    enum class Way { there, back };  // to the experts, or home
    // A rank's rows to itself travel as all others do, or are left out: whoever fills `send` and reads
    // `receive` knows where they are. Their places stay free on both sides. Only where the exchange
    // can_leave_own_rows().
    enum class OwnRows { moved, left };

    std::int64_t row_bytes = 0;
    std::vector<std::int64_t> send_rows;     // Shape: [destination rank]
    std::vector<std::int64_t> receive_rows;  // Shape: [source rank]
    // What everybody sends, where the exchange asks for it (see with_all_rows), else empty.
    // Shape: [source rank x destination rank].
    std::vector<std::int64_t> all_rows = {};
    Way way = Way::there;
    std::optional<LayerId> layer = {};  // for messages
    OwnRows own_rows = OwnRows::moved;

    std::int64_t total_send_rows() const;
    std::int64_t total_receive_rows() const;
    // The way back: what was received is sent.
    ExchangePlan reversed() const;
    // "layer 3, dispatch".
    std::string label() const;
};

// One backend on one communicator.
class Exchange {
  public:
    virtual ~Exchange() = default;

    // Where its rows must lie.
    virtual MemoryKind memory() const { return MemoryKind::host; }

    // Must its plans say what everybody sends?
    virtual bool needs_all_rows() const { return false; }

    // May its plans leave a rank's rows to itself out?
    virtual bool can_leave_own_rows() const { return false; }

    // Collective: all ranks. Moves the rows of `send` (grouped by destination) into `receive` (grouped by
    // source). In host memory it returns when this rank's rows are complete; in a GPU's, when the work is
    // enqueued (Stream: the current one). The buffers must not overlap. Throws: failure, when the backend
    // fails.
    virtual void run(ExchangePlan const& plan, std::span<std::byte const> send,
                     std::span<std::byte> receive) = 0;

    // Collective: all ranks, once for each buffer, which must outlive the exchange. Rows will lie there: the
    // backend may then move them without copies. Returns why it cannot.
    enum class Registration { local, window };
    virtual std::optional<std::string> register_memory(std::span<std::byte>, Registration) {
        return "this transport registers no memory";
    }

    // What went wrong behind the scenes, and giving up. From any thread.
    virtual std::optional<std::string> problem() { return std::nullopt; }
    virtual void give_up() {}
};

// A file in exchanges/.
struct ExchangeBackend {
    static constexpr char const* catalogue = "transport/exchanges";
    // Collective: all ranks. Why it cannot run here, or nothing.
    std::function<std::optional<std::string>(Communicator const&, MemoryKind)> waive;
    // Collective: all ranks.
    std::function<std::unique_ptr<Exchange>(Communicator const&, MemoryKind)> make;
};

// Collective: all ranks. Throws: usage for an unknown name; unavailable, when any rank waives it.
std::unique_ptr<Exchange> make_exchange(std::string_view name, Communicator const& communicator,
                                        MemoryKind memory = MemoryKind::host);

// The same exchange under a time limit: one that lasts longer ends the program (see Watchdog), on a GPU as on
// the host.
std::unique_ptr<Exchange> guarded(std::unique_ptr<Exchange> exchange, Watchdog& watchdog);

// Collective: all ranks. The backend that fits: with several ranks "mpi", or "nccl_send_recv" between GPUs;
// else "loopback".
std::string default_exchange(Communicator const& communicator, MemoryKind memory = MemoryKind::host);

// Collective: all ranks. The plan with all_rows filled in, where the exchange needs it.
ExchangePlan with_all_rows(ExchangePlan plan, Exchange const& exchange, Communicator const& communicator);

}  // namespace moewire
