#include "simulate/chunks.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <queue>

namespace moewire {
namespace {

class Run {
  public:
    Run(std::vector<double> const& rates_bytes_per_s, std::vector<Connection> connections,
        FlowTurns const& turns)
        : rates_(rates_bytes_per_s),
          connections_(std::move(connections)),
          states_(connections_.size()),
          free_at_s_(rates_.size()),
          all_(connections_.size()),
          turns_(turns, numbered(all_)) {
        lengthen_chunks();
        for (std::uint32_t i = 0; i < connections_.size(); ++i) {
            states_[i].left_bytes = connections_[i].bytes;
            if (!turns_.must_wait(i)) send_next(i, 0);
        }
    }

    double run() {
        while (!events_.empty()) {
            auto const event = events_.top();
            events_.pop();
            arrive(event);
        }
        return end_s_;
    }

  private:
    // A chunk that stands before a resource of its path, or, behind the last, before the receiver.
    struct Event {
        double time_s;
        std::uint64_t number;  // of equal times the earlier one first
        std::uint32_t connection, stage;
        double bytes;
        bool operator>(Event const& other) const {
            return time_s != other.time_s ? time_s > other.time_s : number > other.number;
        }
    };
    struct State {
        double left_bytes = 0, sender_free_s = 0, receiver_free_s = 0;
        int slots_taken = 0;
    };

    static std::vector<std::uint32_t> const& numbered(std::vector<std::uint32_t>& all) {
        std::iota(all.begin(), all.end(), 0);
        return all;
    }

    void lengthen_chunks() {
        double chunks = 0;
        for (auto const& one : connections_) chunks += std::ceil(one.bytes / one.chunk_bytes);
        double const factor = std::max(1.0, std::ceil(chunks / most_chunks));
        for (auto& one : connections_) one.chunk_bytes *= factor;
    }

    // As many chunks as there are slots for; each is copied into its slot once the one before it is.
    void send_next(std::uint32_t index, double now_s) {
        auto const& connection = connections_[index];
        auto& state = states_[index];
        while (state.left_bytes > 0 && state.slots_taken < slots_of_connection) {
            double const bytes = std::min(connection.chunk_bytes, state.left_bytes);
            state.left_bytes -= bytes;
            ++state.slots_taken;
            state.sender_free_s = std::max(now_s, state.sender_free_s) + bytes / connection.copy_bytes_per_s;
            push(state.sender_free_s + (connection.path.empty() ? connection.way_s : 0), index, 0, bytes);
        }
    }

    void push(double time_s, std::uint32_t index, std::uint32_t stage, double bytes) {
        events_.push({time_s, next_number_++, index, stage, bytes});
    }

    void arrive(Event const& event) {
        auto const& connection = connections_[event.connection];
        auto& state = states_[event.connection];
        auto const hops = connection.path.size();
        if (event.stage < hops) {
            auto& free_at_s = free_at_s_[connection.path[event.stage]];
            free_at_s =
                std::max(event.time_s, free_at_s) + event.bytes / rates_[connection.path[event.stage]];
            push(free_at_s + (event.stage + 1 == hops ? connection.way_s : 0), event.connection,
                 event.stage + 1, event.bytes);
        } else if (event.stage == hops && connection.receiver == Connection::Receiver::copies) {
            state.receiver_free_s =
                std::max(event.time_s, state.receiver_free_s) + event.bytes / connection.copy_bytes_per_s;
            push(state.receiver_free_s, event.connection, event.stage + 1, event.bytes);
        } else {
            leave_slot(event);
        }
    }

    void leave_slot(Event const& event) {
        auto& state = states_[event.connection];
        --state.slots_taken;
        send_next(event.connection, event.time_s);
        if (state.left_bytes > 0 || state.slots_taken > 0) return;
        end_s_ = std::max(end_s_, event.time_s);
        released_.clear();
        turns_.end(event.connection, released_);
        for (auto const next : released_) send_next(next, event.time_s);
    }

    std::vector<double> const& rates_;
    std::vector<Connection> connections_;
    std::vector<State> states_;
    std::vector<double> free_at_s_;
    std::vector<std::uint32_t> all_, released_;
    Turns turns_;
    std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
    std::uint64_t next_number_ = 0;
    double end_s_ = 0;
};

}  // namespace

double run_chunks(std::vector<double> const& rates_bytes_per_s, std::vector<Connection> connections,
                  FlowTurns const& turns) {
    return Run(rates_bytes_per_s, std::move(connections), turns).run();
}

}  // namespace moewire
