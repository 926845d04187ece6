#include "measure/ladder.hpp"

#include <algorithm>

#include "base/contract.hpp"
#include "base/error.hpp"
#include "base/statistics.hpp"
#include "measure/flow_check.hpp"
#include "system/agreement.hpp"
#include "system/clock.hpp"

namespace moewire {
namespace {

constexpr std::int64_t going_on = -1;

std::vector<std::uint64_t> column_of(ByteMatrix const& bytes, RankId rank) {
    std::vector<std::uint64_t> column;
    for (std::size_t source = 0; source < bytes.extent(0); ++source) column.push_back(bytes(source, rank));
    return column;
}

// Shape: [iteration, rank], from every rank's series one after another.
Grid<double, 2> transposed(std::vector<double> const& all, std::size_t ranks) {
    auto const iterations = all.size() / ranks;
    Grid<double, 2> result(iterations, ranks);
    for (std::size_t i = 0; i < iterations; ++i) {
        for (std::size_t rank = 0; rank < ranks; ++rank) result(i, rank) = all[rank * iterations + i];
    }
    return result;
}

std::vector<double> slowest(Grid<double, 2> const& rank_s) {
    std::vector<double> most;
    for (std::size_t i = 0; i < rank_s.extent(0); ++i)
        most.push_back(*std::max_element(rank_s.row(i).begin(), rank_s.row(i).end()));
    return most;
}

// Rank 0's number, on all ranks.
std::int64_t from_root(Communicator const& communicator, std::int64_t number) {
    std::vector<std::int64_t> word{number};
    communicator.broadcast(word);
    return word[0];
}

}  // namespace

ExchangePlan plan_of(ByteMatrix const& bytes, RankId rank, std::int64_t row_bytes) {
    ExchangePlan plan{row_bytes, {}, {}};
    auto const rows = [&](std::uint64_t value) {
        MOEWIRE_EXPECT(value % static_cast<std::uint64_t>(row_bytes) == 0);
        return static_cast<std::int64_t>(value) / row_bytes;
    };
    for (auto const value : bytes.row(rank)) plan.send_rows.push_back(rows(value));
    for (auto const value : column_of(bytes, rank)) plan.receive_rows.push_back(rows(value));
    return plan;
}

ByteMatrix in_rows(ByteMatrix bytes, std::int64_t row_bytes) {
    for (auto& value : bytes.values()) value -= value % static_cast<std::uint64_t>(row_bytes);
    return bytes;
}

// A matrix as this rank runs it. Places are steps of the room: the same on all ranks, as in nccl-tests.
struct Ladder::Rung {
    ExchangePlan plan;
    std::uint64_t send_bytes, receive_bytes, step_bytes, places;

    // Collective: all ranks.
    Rung(ByteMatrix const& bytes, Communicator const& communicator, Exchange const& exchange,
         std::int64_t row_bytes, std::uint64_t room_bytes)
        : plan(with_all_rows(plan_of(bytes, communicator.rank(), row_bytes), exchange, communicator)),
          send_bytes(static_cast<std::uint64_t>(plan.total_send_rows() * row_bytes)),
          receive_bytes(static_cast<std::uint64_t>(plan.total_receive_rows() * row_bytes)),
          step_bytes(busiest_rank_bytes(bytes)),
          places(step_bytes == 0 ? 1 : room_bytes / step_bytes) {}
};

Ladder::Ladder(Communicator const& communicator, Exchange& exchange, Lane& lane, LadderSetting const& setting,
               std::span<ByteMatrix const> rungs)
    : communicator_(communicator), exchange_(&exchange), lane_(&lane), setting_(setting) {
    for (auto const& bytes : rungs) room_bytes_ = std::max(room_bytes_, busiest_rank_bytes(bytes));
    run_on_all(communicator, [&] { lane.allocate(room_bytes_, room_bytes_); });
}

std::optional<std::string> Ladder::register_memory(Exchange::Registration how) {
    // Rows to send are never written by an exchange.
    auto const send = lane_->send();
    auto const why_not = exchange_->register_memory({const_cast<std::byte*>(send.data()), send.size()}, how);
    return why_not ? why_not : exchange_->register_memory(lane_->receive(), how);
}

void Ladder::run(Rung const& rung, std::size_t iteration) {
    auto const at = iteration % rung.places * rung.step_bytes;
    exchange_->run(rung.plan, lane_->send().subspan(at, rung.send_bytes),
                   lane_->receive().subspan(at, rung.receive_bytes));
}

std::unique_ptr<Watchdog::Guard> Ladder::guarded(char const* step) const {
    return setting_.watchdog == nullptr ? nullptr
                                        : std::make_unique<Watchdog::Guard>(*setting_.watchdog, step);
}

double Ladder::call(ByteMatrix const& bytes) {
    auto const guard = guarded("a checked exchange of the sweep");
    MOEWIRE_EXPECT(busiest_rank_bytes(bytes) <= room_bytes_);
    Rung const rung(bytes, communicator_, *exchange_, setting_.row_bytes, room_bytes_);
    auto const seed = ++checks_;
    write_flows(*lane_, bytes.row(communicator_.rank()), communicator_.rank(), seed);
    lane_->expect(0);
    lane_->align();
    double const begin_s = monotonic_s();
    run(rung, 0);
    lane_->finish();
    double const took_s = monotonic_s() - begin_s;
    auto const problem =
        check_flows(*lane_, column_of(bytes, communicator_.rank()), communicator_.rank(), seed);
    run_on_all(communicator_, [&] {
        if (problem.empty()) return;
        throw failure("verify", problem + " (the exchange damaged data); please report this");
    });
    return communicator_.max(took_s);
}

std::vector<double> Ladder::batch(Rung const& rung, std::size_t first, std::size_t count) {
    auto const guard = guarded("a batch of exchanges of the sweep");
    for (std::int64_t i = 0; i < setting_.warmups; ++i) run(rung, first + static_cast<std::size_t>(i));
    lane_->finish();
    lane_->expect(count);
    lane_->align();
    bool const is_chained = setting_.cadence == Cadence::chained;
    for (std::size_t i = 0; i < count; ++i) {
        if (!is_chained && i > 0) lane_->align();
        if (!is_chained || i == 0) lane_->begin(i);
        run(rung, first + i);
        lane_->end(i);
    }
    auto const marks = lane_->finish();
    std::vector<double> own_s;
    for (std::size_t i = 0; i < count; ++i)
        own_s.push_back(marks.end_s[i] - (is_chained && i > 0 ? marks.end_s[i - 1] : marks.begin_s[i]));
    return own_s;
}

RungSamples Ladder::climb(ByteMatrix const& bytes) {
    RungSamples samples;
    samples.first_call_s = call(bytes);
    Rung const rung(bytes, communicator_, *exchange_, setting_.row_bytes, room_bytes_);
    double const begin_s = monotonic_s();
    double iteration_s = samples.first_call_s;
    std::vector<double> own_s;
    while (true) {
        auto const taken = static_cast<std::int64_t>(own_s.size());
        double const elapsed_s = monotonic_s() - begin_s;
        auto const count = static_cast<std::size_t>(
            from_root(communicator_, next_batch(setting_.stop, taken, elapsed_s, iteration_s)));
        auto const more_s = batch(rung, own_s.size(), count);
        own_s.insert(own_s.end(), more_s.begin(), more_s.end());
        auto const all_s = communicator_.gather(std::span<double const>(own_s));
        std::int64_t ended = going_on;
        if (communicator_.is_root()) {
            samples.rank_s = transposed(all_s, static_cast<std::size_t>(communicator_.size()));
            auto const most_s = slowest(samples.rank_s);
            iteration_s = median(most_s);
            if (auto const stop = should_stop(setting_.stop, most_s, monotonic_s() - begin_s))
                ended = static_cast<std::int64_t>(*stop);
        }
        ended = from_root(communicator_, ended);
        if (ended == going_on) continue;
        samples.ended = static_cast<Stop>(ended);
        return samples;
    }
}

}  // namespace moewire
