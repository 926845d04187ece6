#include "measure/replay.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "base/contract.hpp"
#include "base/error.hpp"
#include "base/registry.hpp"
#include "measure/payload.hpp"
#include "measure/questions.hpp"
#include "system/agreement.hpp"
#include "system/clock.hpp"

namespace moewire {
namespace {

std::span<std::byte> row_of(std::span<std::byte> rows, std::int64_t row, std::int64_t row_bytes) {
    return rows.subspan(static_cast<std::size_t>(row * row_bytes), static_cast<std::size_t>(row_bytes));
}

std::uint64_t bytes_of(std::int64_t rows, ExchangePlan const& plan) {
    return static_cast<std::uint64_t>(rows * plan.row_bytes);
}

}  // namespace

Replay::Replay(Communicator const& communicator, Exchange& exchange, ReplayCase one)
    : communicator_(communicator), exchange_(&exchange), case_(std::move(one)) {
    run_on_all(communicator, [&] {
        if (case_.row_bytes >= least_row_bytes) return;
        throw usage_error(
            fmt::format("rows of {} bytes are too short for a stamped replay (a stamp takes {}); use mode "
                        "in_model",
                        case_.row_bytes, least_row_bytes));
    });
    auto const& plan = Registry<Dispatcher>::instance().at(case_.dispatcher).value.plan;
    for (LayerId const layer : ids<LayerId>(case_.routing.layers())) {
        plans_.push_back(plan({communicator_,
                               case_.assignment,
                               layer,
                               std::as_const(case_.routing.picks).row(layer),
                               case_.routing.top_k(),
                               {},
                               case_.row_bytes}));
        auto& rows = plans_.back().exchange;
        rows = with_all_rows(std::move(rows), exchange, communicator);
        rows.layer = layer;
        ways_back_.push_back(rows.reversed());
    }
    plan_moves();
    std::uint64_t home_bytes = 0, expert_bytes = 0;
    auto const make_room = [&](ExchangePlan const& p) {
        home_bytes = std::max(home_bytes, bytes_of(p.total_send_rows(), p));
        expert_bytes = std::max(expert_bytes, bytes_of(p.total_receive_rows(), p));
    };
    for (auto const& moves : move_plans_) make_room(moves);
    for (auto const& rows : plans_) make_room(rows.exchange);
    buffers_ = case_.buffers ? case_.buffers : std::make_shared<ExchangeBuffers>(exchange.memory());
    MOEWIRE_EXPECT(buffers_->home.kind() == exchange.memory());
    buffers_->home.reserve(home_bytes);
    buffers_->expert.reserve(expert_bytes);
}

void Replay::plan_moves() {
    auto const ranks = static_cast<std::size_t>(communicator_.size());
    for (auto const& moves : case_.moves) {
        ExchangePlan plan{case_.expert_bytes, std::vector<std::int64_t>(ranks),
                          std::vector<std::int64_t>(ranks)};
        for (auto const& move : moves) {
            if (move.from == communicator_.rank()) ++plan.send_rows[index_of(move.to)];
            if (move.to == communicator_.rank()) ++plan.receive_rows[index_of(move.from)];
        }
        plan.layer = make_id<LayerId>(move_plans_.size());
        move_plans_.push_back(with_all_rows(std::move(plan), *exchange_, communicator_));
    }
}

std::size_t Replay::send_bytes(ExchangePlan const& plan) const {
    return bytes_of(plan.total_send_rows(), plan);
}

std::size_t Replay::receive_bytes(ExchangePlan const& plan) const {
    return bytes_of(plan.total_receive_rows(), plan);
}

void Replay::exchange(ExchangePlan const& plan) {
    exchange_->run(plan, buffers_->home.rows(send_bytes(plan)), buffers_->expert.rows(receive_bytes(plan)));
}

void Replay::exchange_back(LayerId layer) {
    auto const& there = plans_[index_of(layer)].exchange;
    exchange_->run(ways_back_[index_of(layer)], buffers_->expert.rows(receive_bytes(there)),
                   buffers_->home.rows(send_bytes(there)));
}

void Replay::ask(LayerId layer) {
    auto const& plan = plans_[index_of(layer)];
    auto const rows = buffers_->home.on_host(send_bytes(plan.exchange));
    auto const stamps = questions_of(plan, case_.assignment, layer, communicator_.rank(),
                                     std::as_const(case_.routing.picks).row(layer), case_.routing.top_k());
    for (std::size_t at = 0; at < stamps.size(); ++at) {
        write_row(row_of(rows, static_cast<std::int64_t>(at), plan.exchange.row_bytes), stamps[at],
                  RowKind::question);
    }
    buffers_->home.push(rows.size());
}

std::string Replay::answer(LayerId layer) {
    auto const& plan = plans_[index_of(layer)];
    auto const rows = buffers_->expert.on_host(receive_bytes(plan.exchange));
    buffers_->expert.pull(rows.size());
    auto const served = served_experts(plan, case_.assignment, layer, communicator_.rank());
    std::int64_t at = 0;
    for (std::size_t source = 0; source < plan.exchange.receive_rows.size(); ++source) {
        for (std::int64_t i = 0; i < plan.exchange.receive_rows[source]; ++i, ++at) {
            auto const row = row_of(rows, at, plan.exchange.row_bytes);
            auto const stamp = read_stamp(row);
            auto const expected = served[static_cast<std::size_t>(at)];
            if (stamp.source_rank != source || stamp.expert != expected ||
                !row_is_intact(row, RowKind::question)) {
                return fmt::format(
                    "layer {}: received row {} should come from rank {} for expert {}, but says rank {}, "
                    "expert {} (or its bytes changed on the way)",
                    index_of(layer), at, source, expected, stamp.source_rank, stamp.expert);
            }
            write_row(row, stamp, RowKind::answer);
        }
    }
    buffers_->expert.push(rows.size());
    return "";
}

std::string Replay::check_answers(LayerId layer) {
    auto const& plan = plans_[index_of(layer)];
    auto const rows = buffers_->home.on_host(send_bytes(plan.exchange));
    buffers_->home.pull(rows.size());
    auto const stamps = questions_of(plan, case_.assignment, layer, communicator_.rank(),
                                     std::as_const(case_.routing.picks).row(layer), case_.routing.top_k());
    for (std::size_t at = 0; at < stamps.size(); ++at) {
        auto const row = row_of(rows, static_cast<std::int64_t>(at), plan.exchange.row_bytes);
        if (read_stamp(row) == stamps[at] && row_is_intact(row, RowKind::answer)) continue;
        return fmt::format("layer {}: the answer for token {} did not come back as sent", index_of(layer),
                           plan.token_of_sent[at]);
    }
    return "";
}

std::string Replay::move_stamped(LayerId layer) {
    auto const& plan = move_plans_[index_of(layer)];
    auto const out = buffers_->home.on_host(send_bytes(plan)),
               in = buffers_->expert.on_host(receive_bytes(plan));
    // Weights lie by destination, and from one source in the order of the moves.
    std::vector<std::int64_t> next(plan.send_rows.size());
    std::exclusive_scan(plan.send_rows.begin(), plan.send_rows.end(), next.begin(), std::int64_t{0});
    auto const stamp = [&](Move const& move) {
        return RowStamp{static_cast<std::uint32_t>(index_of(move.from)),
                        static_cast<std::uint32_t>(index_of(move.expert)), index_of(layer)};
    };
    for (auto const& move : case_.moves[index_of(layer)]) {
        if (move.from == communicator_.rank())
            write_row(row_of(out, next[index_of(move.to)]++, plan.row_bytes), stamp(move), RowKind::question);
    }
    buffers_->home.push(out.size());
    exchange(plan);
    buffers_->expert.pull(in.size());
    std::exclusive_scan(plan.receive_rows.begin(), plan.receive_rows.end(), next.begin(), std::int64_t{0});
    for (auto const& move : case_.moves[index_of(layer)]) {
        if (move.to != communicator_.rank()) continue;
        auto const row = row_of(in, next[index_of(move.from)]++, plan.row_bytes);
        if (read_stamp(row) == stamp(move) && row_is_intact(row, RowKind::question)) continue;
        return fmt::format("layer {}: the weights of expert {} did not arrive from rank {} as sent",
                           index_of(layer), index_of(move.expert), index_of(move.from));
    }
    return "";
}

void Replay::verify() {
    for (LayerId const layer : ids<LayerId>(plans_.size())) {
        auto const& plan = plans_[index_of(layer)].exchange;
        std::string problem = has_moves(layer) ? move_stamped(layer) : "";
        ask(layer);
        exchange(plan);
        if (problem.empty()) problem = answer(layer);
        auto const home = buffers_->home.on_host(send_bytes(plan));
        std::fill(home.begin(), home.end(), std::byte{0});
        buffers_->home.push(home.size());
        exchange_back(layer);
        if (problem.empty()) problem = check_answers(layer);
        run_on_all(communicator_, [&] {
            if (!problem.empty())
                throw failure("verify", problem + "; the transport corrupts data: do not trust its times");
        });
    }
}

void Replay::prepare(ReplayStyle const& style) {
    bool const on_device = exchange_->memory() == MemoryKind::device;
    if (style.cache == CacheState::cold) device().displace_cache();
    if (style.cadence == Cadence::isolated) {
        if (on_device) device().synchronise();
        Watchdog::Wait const wait("the barrier before an exchange");
        communicator_.barrier();
    }
    if (style.delay_s <= 0) return;
    if (on_device) return device().spin(style.delay_s);
    for (double const until_s = monotonic_s() + style.delay_s; monotonic_s() < until_s;) {
    }
}

void Replay::migrate(LayerId layer, StepObserver* observer, ReplayStyle const& style) {
    if (!has_moves(layer)) return;
    prepare(style);
    StepScope const step(observer, layer, Step::migrate);
    exchange(move_plans_[index_of(layer)]);
}

// After a pause, which a driver between two passes is, a host starts its first exchange later than all
// others: by 2 to 10 % of an exchange of 1 to 16 MB between two H200. Exchanges that are timed alone all
// follow one.
void Replay::lead_in(ReplayStyle const& style) {
    if (style.cadence != Cadence::isolated || exchange_->memory() != MemoryKind::device) return;
    prepare({});
    exchange(plans_.front().exchange);
}

void Replay::run(StepObserver* observer, ReplayStyle const& style) {
    lead_in(style);
    for (LayerId const layer : ids<LayerId>(plans_.size())) {
        migrate(layer, observer, style);
        auto const& plan = plans_[index_of(layer)].exchange;
        prepare(style);
        {
            StepScope const step(observer, layer, Step::dispatch);
            exchange(plan);
        }
        prepare(style);
        {
            StepScope const step(observer, layer, Step::combine);
            exchange_back(layer);
        }
    }
}

Grid<std::uint64_t, 2> Replay::sent_bytes() const {
    Grid<std::uint64_t, 2> bytes(plans_.size(), communicator_.size());
    for (std::size_t layer = 0; layer < plans_.size(); ++layer) {
        auto const& plan = plans_[layer].exchange;
        for (std::size_t peer = 0; peer < plan.send_rows.size(); ++peer) {
            bytes(layer, peer) = bytes_of(plan.send_rows[peer], plan);
        }
    }
    return bytes;
}

Grid<std::uint64_t, 2> Replay::received_bytes() const {
    Grid<std::uint64_t, 2> bytes(plans_.size(), communicator_.size());
    for (std::size_t layer = 0; layer < plans_.size(); ++layer) {
        auto const& plan = plans_[layer].exchange;
        for (std::size_t peer = 0; peer < plan.receive_rows.size(); ++peer) {
            bytes(layer, peer) = bytes_of(plan.receive_rows[peer], plan);
        }
    }
    return bytes;
}

}  // namespace moewire
