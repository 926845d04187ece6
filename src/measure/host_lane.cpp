// Rows in host memory, for exchanges that return when the rows have arrived.
#include <algorithm>
#include <cstring>
#include <limits>

#include <fmt/format.h>

#include "base/contract.hpp"
#include "base/error.hpp"
#include "base/show.hpp"
#include "measure/lane.hpp"
#include "system/clock.hpp"
#include "system/machine.hpp"
#include "system/node_map.hpp"

namespace moewire {
namespace {

class HostLane : public Lane {
  public:
    explicit HostLane(Communicator const& communicator)
        : communicator_(communicator),
          ranks_here_(node_map_of(communicator).ranks_with(communicator.rank())) {}

    char const* clock() const override { return "host"; }

    void allocate(std::uint64_t send_bytes, std::uint64_t receive_bytes) override {
        auto const share = static_cast<std::uint64_t>(this_machine().memory_bytes / ranks_here_);
        // One by one: their sum may not fit into 64 bits.
        if (send_bytes > share || receive_bytes > share - send_bytes) {
            throw usage_error(fmt::format(
                "rows of {} to send and {} to receive exceed a rank's part of this host's "
                "memory ({}); use smaller sizes or fewer ranks",
                show_bytes(static_cast<double>(send_bytes)), show_bytes(static_cast<double>(receive_bytes)),
                show_bytes(static_cast<double>(share))));
        }
        send_.assign(send_bytes, std::byte{0});
        receive_.assign(receive_bytes, std::byte{0});
    }

    std::span<std::byte const> send() const override { return send_; }
    std::span<std::byte> receive() override { return receive_; }

    void write_send(std::uint64_t at, std::span<std::byte const> rows) override {
        MOEWIRE_EXPECT(at + rows.size() <= send_.size());
        std::copy(rows.begin(), rows.end(), send_.begin() + static_cast<std::ptrdiff_t>(at));
    }
    void read_receive(std::uint64_t at, std::span<std::byte> rows) override {
        MOEWIRE_EXPECT(at + rows.size() <= receive_.size());
        std::copy_n(receive_.begin() + static_cast<std::ptrdiff_t>(at), rows.size(), rows.begin());
    }

    void align() override { communicator_.barrier(); }

    void expect(std::size_t iterations) override {
        double const none = std::numeric_limits<double>::quiet_NaN();
        marks_.begin_s.assign(iterations, none);
        marks_.end_s.assign(iterations, none);
    }
    void begin(std::size_t iteration) override { marks_.begin_s[iteration] = monotonic_s(); }
    void end(std::size_t iteration) override { marks_.end_s[iteration] = monotonic_s(); }
    Marks finish() override { return marks_; }

  private:
    Communicator communicator_;
    int ranks_here_;
    std::vector<std::byte> send_, receive_;
    Marks marks_;
};

}  // namespace

std::unique_ptr<Lane> make_host_lane(Communicator const& communicator) {
    return std::make_unique<HostLane>(communicator);
}

}  // namespace moewire
