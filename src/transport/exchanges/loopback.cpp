// One rank: everything stays at home, and is copied once, as a real exchange would.
#include "base/contract.hpp"
#include "base/registry.hpp"
#include "transport/scratch.hpp"

namespace moewire {
namespace {

class Loopback : public Exchange {
  public:
    explicit Loopback(MemoryKind memory) : memory_(memory) {}

    MemoryKind memory() const override { return memory_; }

    void run(ExchangePlan const& plan, std::span<std::byte const> send,
             std::span<std::byte> receive) override {
        MOEWIRE_EXPECT(plan.send_rows == plan.receive_rows && send.size() == receive.size());
        MOEWIRE_EXPECT(send.size() == static_cast<std::size_t>(plan.total_send_rows() * plan.row_bytes));
        copy_bytes(memory_, receive.data(), send.data(), send.size());
    }

  private:
    MemoryKind memory_;
};

std::optional<std::string> waive(Communicator const& communicator, MemoryKind) {
    if (communicator.size() == 1) return std::nullopt;
    return "loopback serves one rank only; use mpi";
}

bool const registered = register_in<ExchangeBackend>(
    "loopback", "One rank: a copy in its memory.",
    {waive, [](Communicator const&, MemoryKind memory) { return std::make_unique<Loopback>(memory); }});

}  // namespace
}  // namespace moewire
