// Inside the node first, then between nodes.
#include "transport/hierarchical.hpp"

#include "base/contract.hpp"
#include "base/registry.hpp"
#include "transport/scratch.hpp"
#include "transport/wire.hpp"

namespace moewire {
namespace {

class Hierarchical : public Exchange {
  public:
    Hierarchical(Communicator const& communicator, MemoryKind memory, NodeMap const& nodes)
        : rank_(static_cast<std::size_t>(communicator.rank())),
          memory_(memory),
          node_(nodes.node_of_rank.begin(), nodes.node_of_rank.end()),
          wire_(make_wire(communicator, memory)),
          between_(memory) {
        std::vector<std::vector<std::size_t>> members(static_cast<std::size_t>(nodes.nodes));
        for (std::size_t rank = 0; rank < node_.size(); ++rank) {
            place_.push_back(members[node_[rank]].size());
            members[node_[rank]].push_back(rank);
        }
        members_ = std::move(members);
    }

    MemoryKind memory() const override { return memory_; }
    bool needs_all_rows() const override { return true; }

    void run(ExchangePlan const& plan, std::span<std::byte const> send,
             std::span<std::byte> receive) override {
        auto const ranks = node_.size();
        MOEWIRE_EXPECT(plan.all_rows.size() == ranks * ranks);
        bytes_.resize(ranks * ranks);
        for (std::size_t i = 0; i < bytes_.size(); ++i)
            bytes_[i] = static_cast<std::size_t>(plan.all_rows[i] * plan.row_bytes);
        inside(send, receive);
        across(receive);
    }

    std::optional<std::string> problem() override { return wire_->problem(); }
    void give_up() override { wire_->give_up(); }

  private:
    std::size_t bytes(std::size_t source, std::size_t destination) const {
        return bytes_[source * node_.size() + destination];
    }
    // Through whom rows of `source` reach `destination`: a rank of the source's node; within one node, the
    // destination itself.
    std::size_t relay(std::size_t source, std::size_t destination) const {
        auto const& neighbours = members_[node_[source]];
        return neighbours[place_[destination] % neighbours.size()];
    }
    std::size_t received_before(std::size_t source) const {
        std::size_t sum = 0;
        for (std::size_t s = 0; s < source; ++s) sum += bytes(s, rank_);
        return sum;
    }

    // Calls visit(source, destination, offset in the memory between the steps) for all rows that this rank
    // passes on, and returns how many bytes they are.
    template <class Visit>
    std::size_t for_each_relayed(Visit const& visit) const {
        std::size_t at = 0;
        for (auto const source : members_[node_[rank_]]) {
            for (std::size_t d = 0; d < node_.size(); ++d) {
                if (node_[d] == node_[source] || relay(source, d) != rank_ || bytes(source, d) == 0) continue;
                visit(source, d, at);
                at += bytes(source, d);
            }
        }
        return at;
    }

    void inside(std::span<std::byte const> send, std::span<std::byte> receive) {
        std::vector<OutPiece> out;
        std::vector<InPiece> in;
        for (std::size_t d = 0, at = 0; d < node_.size(); at += bytes(rank_, d), ++d) {
            if (bytes(rank_, d) > 0)
                out.push_back({static_cast<int>(relay(rank_, d)), send.data() + at, bytes(rank_, d)});
        }
        auto const between = between_.room(for_each_relayed([](auto, auto, auto) {}));
        // In the order in which each neighbour sends: by destination.
        for (auto const source : members_[node_[rank_]]) {
            std::size_t at = relayed_before(source);
            for (std::size_t d = 0; d < node_.size(); ++d) {
                if (relay(source, d) != rank_ || bytes(source, d) == 0) continue;
                auto* const to = d == rank_ ? receive.data() + received_before(source) : between.data() + at;
                in.push_back({static_cast<int>(source), to, bytes(source, d)});
                if (d != rank_) at += bytes(source, d);
            }
        }
        if (!out.empty() || !in.empty()) wire_->move(out, in);
    }

    // Where the rows of a neighbour begin in the memory between the steps.
    std::size_t relayed_before(std::size_t neighbour) const {
        std::size_t before = 0;
        for_each_relayed([&](std::size_t source, std::size_t d, std::size_t) {
            if (source < neighbour) before += bytes(source, d);
        });
        return before;
    }

    void across(std::span<std::byte> receive) {
        std::vector<OutPiece> out;
        std::vector<InPiece> in;
        auto const between = between_.room(for_each_relayed([](auto, auto, auto) {}));
        for_each_relayed([&](std::size_t source, std::size_t d, std::size_t at) {
            out.push_back({static_cast<int>(d), between.data() + at, bytes(source, d)});
        });
        for (std::size_t s = 0, at = 0; s < node_.size(); at += bytes(s, rank_), ++s) {
            if (node_[s] == node_[rank_] || bytes(s, rank_) == 0) continue;
            in.push_back({static_cast<int>(relay(s, rank_)), receive.data() + at, bytes(s, rank_)});
        }
        if (!out.empty() || !in.empty()) wire_->move(out, in);
    }

    std::size_t rank_;
    MemoryKind memory_;
    std::vector<std::size_t> node_, place_;          // Shape: [rank]
    std::vector<std::vector<std::size_t>> members_;  // Shape: [node]; ranks
    std::unique_ptr<Wire> wire_;
    Scratch between_;
    std::vector<std::size_t> bytes_;  // Shape: [source rank x destination rank]; of the plan that runs
};

std::optional<std::string> waive(Communicator const& communicator, MemoryKind memory) {
    return memory == MemoryKind::device ? waive_nccl(communicator, memory) : std::nullopt;
}

bool const registered = register_in<ExchangeBackend>(
    "hierarchical", "Inside each node first, then between nodes; MPI on hosts, NCCL on GPUs.",
    {waive, [](Communicator const& communicator, MemoryKind memory) {
         return make_hierarchical(communicator, memory, node_map_of(communicator));
     }});

}  // namespace

std::unique_ptr<Exchange> make_hierarchical(Communicator const& communicator, MemoryKind memory,
                                            NodeMap nodes) {
    return std::make_unique<Hierarchical>(communicator, memory, nodes);
}

}  // namespace moewire
