// One rank: everything stays at home, and is copied once, as a real exchange would.
#include <cstring>

#include "base/contract.hpp"
#include "base/registry.hpp"
#include "transport/exchange.hpp"

namespace moewire {
namespace {

class Loopback : public Exchange {
  public:
    void run(ExchangePlan const& plan, std::span<std::byte const> send,
             std::span<std::byte> receive) override {
        MOEWIRE_EXPECT(plan.send_rows == plan.receive_rows && send.size() == receive.size());
        MOEWIRE_EXPECT(send.size() == static_cast<std::size_t>(plan.total_send_rows() * plan.row_bytes));
        if (!send.empty()) std::memcpy(receive.data(), send.data(), send.size());
    }
};

std::optional<std::string> waive(Communicator const& communicator) {
    if (communicator.size() == 1) return std::nullopt;
    return "loopback serves one rank only; use mpi";
}

bool const registered =
    register_in<ExchangeBackend>("loopback", "One rank: a copy in host memory.",
                                 {waive, [](Communicator const&) { return std::make_unique<Loopback>(); }});

}  // namespace
}  // namespace moewire
