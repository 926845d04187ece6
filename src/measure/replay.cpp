#include "measure/replay.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/registry.hpp"
#include "measure/payload.hpp"
#include "system/agreement.hpp"

namespace moewire {
namespace {

std::span<std::byte> row_of(std::span<std::byte> rows, std::int64_t row, std::int64_t row_bytes) {
    return rows.subspan(static_cast<std::size_t>(row * row_bytes), static_cast<std::size_t>(row_bytes));
}

std::uint64_t bytes_of(std::int64_t rows, ExchangePlan const& plan) {
    return static_cast<std::uint64_t>(rows * plan.row_bytes);
}

}  // namespace

Replay::Replay(Communicator const& communicator, Exchange& exchange, std::string const& dispatcher,
               Routing const& routing, Assignment const& assignment, std::int64_t row_bytes)
    : communicator_(communicator), exchange_(&exchange), assignment_(assignment), routing_(routing) {
    run_on_all(communicator, [&] {
        if (row_bytes >= least_row_bytes) return;
        throw usage_error(
            fmt::format("rows of {} bytes are too short for a stamped replay (a stamp takes {}); use mode "
                        "in_model",
                        row_bytes, least_row_bytes));
    });
    auto const& plan = Registry<Dispatcher>::instance().at(dispatcher).value.plan;
    std::uint64_t home_bytes = 0, expert_bytes = 0;
    for (LayerId const layer : ids<LayerId>(routing_.layers())) {
        plans_.push_back(
            plan(communicator_, assignment_, layer, std::as_const(routing_.picks).row(layer), row_bytes));
        auto const& p = plans_.back().exchange;
        home_bytes = std::max(home_bytes, bytes_of(p.total_send_rows(), p));
        expert_bytes = std::max(expert_bytes, bytes_of(p.total_receive_rows(), p));
    }
    home_buffer_.resize(home_bytes);
    expert_buffer_.resize(expert_bytes);
}

std::span<std::byte> Replay::send_side(ExchangePlan const& plan) {
    return std::span(home_buffer_).first(bytes_of(plan.total_send_rows(), plan));
}

std::span<std::byte> Replay::receive_side(ExchangePlan const& plan) {
    return std::span(expert_buffer_).first(bytes_of(plan.total_receive_rows(), plan));
}

void Replay::ask(LayerId layer) {
    auto const& plan = plans_[index_of(layer)];
    auto const rows = send_side(plan.exchange);
    auto const picks = std::as_const(routing_.picks).row(layer);
    for (std::size_t at = 0; at < plan.send_order.size(); ++at) {
        auto const row = plan.send_order[at];
        RowStamp const stamp{static_cast<std::uint32_t>(communicator_.rank()),
                             static_cast<std::uint32_t>(picks[static_cast<std::size_t>(row)]),
                             static_cast<std::uint64_t>(row)};
        write_row(row_of(rows, static_cast<std::int64_t>(at), plan.exchange.row_bytes), stamp,
                  RowKind::question);
    }
}

std::string Replay::answer(LayerId layer) {
    auto const& plan = plans_[index_of(layer)];
    auto const rows = receive_side(plan.exchange);
    std::int64_t at = 0;
    for (std::size_t source = 0; source < plan.received_rows.extent(0); ++source) {
        for (std::size_t slot = 0; slot < plan.received_rows.extent(1); ++slot) {
            auto const first = index_of(assignment_.first_slot(layer, communicator_.rank()));
            auto const expert = assignment_.expert_of(layer, make_id<SlotId>(first + slot));
            for (std::int64_t i = 0; i < plan.received_rows(source, slot); ++i, ++at) {
                auto const row = row_of(rows, at, plan.exchange.row_bytes);
                auto const stamp = read_stamp(row);
                if (stamp.source_rank != source || stamp.expert != index_of(expert) ||
                    !row_is_intact(row, RowKind::question)) {
                    return fmt::format(
                        "layer {}: received row {} should come from rank {} for expert {}, but says rank "
                        "{}, expert {} (or its bytes changed on the way)",
                        index_of(layer), at, source, index_of(expert), stamp.source_rank, stamp.expert);
                }
                write_row(row, stamp, RowKind::answer);
            }
        }
    }
    return "";
}

std::string Replay::check_answers(LayerId layer) {
    auto const& plan = plans_[index_of(layer)];
    auto const rows = send_side(plan.exchange);
    auto const picks = std::as_const(routing_.picks).row(layer);
    for (std::size_t at = 0; at < plan.send_order.size(); ++at) {
        auto const row = row_of(rows, static_cast<std::int64_t>(at), plan.exchange.row_bytes);
        auto const wanted = static_cast<std::uint64_t>(plan.send_order[at]);
        RowStamp const expected{static_cast<std::uint32_t>(communicator_.rank()),
                                static_cast<std::uint32_t>(picks[wanted]), wanted};
        if (read_stamp(row) == expected && row_is_intact(row, RowKind::answer)) continue;
        return fmt::format("layer {}: the answer for token row {} did not come back as sent", index_of(layer),
                           wanted);
    }
    return "";
}

void Replay::verify() {
    for (LayerId const layer : ids<LayerId>(routing_.layers())) {
        auto const& plan = plans_[index_of(layer)].exchange;
        ask(layer);
        exchange_->run(plan, send_side(plan), receive_side(plan));
        std::string problem = answer(layer);
        std::fill(home_buffer_.begin(), home_buffer_.end(), std::byte{0});
        exchange_->run(plan.reversed(), receive_side(plan), send_side(plan));
        if (problem.empty()) problem = check_answers(layer);
        run_on_all(communicator_, [&] {
            if (!problem.empty())
                throw failure("verify", problem + "; the transport corrupts data: do not trust its times");
        });
    }
}

void Replay::run(StepObserver* observer) {
    for (LayerId const layer : ids<LayerId>(routing_.layers())) {
        auto const& plan = plans_[index_of(layer)].exchange;
        auto const back = plan.reversed();
        auto const home = send_side(plan), experts = receive_side(plan);
        communicator_.barrier();
        {
            StepScope const step(observer, layer, Step::dispatch);
            exchange_->run(plan, home, experts);
        }
        communicator_.barrier();
        {
            StepScope const step(observer, layer, Step::combine);
            exchange_->run(back, experts, home);
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
