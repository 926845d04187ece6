#include "bench/sweep_output.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/json.hpp"
#include "base/show.hpp"
#include "system/environment.hpp"
#include "system/machine.hpp"
#include "system/provenance.hpp"

namespace moewire {
namespace {

double us(double seconds) {
    return seconds * 1e6;
}
double gb_per_s(double bytes_per_s) {
    return bytes_per_s / 1e9;
}

std::string times_text(double seconds) {
    return fmt::format("{:.2f}", us(seconds));
}

// Bandwidth of what never left a rank says nothing about an exchange.
std::string rate_text(SweptRung const& one, double bytes_per_s) {
    return one.rung.kind == RungKind::floor ? "-" : fmt::format("{:.2f}", gb_per_s(bytes_per_s));
}

// What is left of the diagonal: bytes that cross between ranks. Shape: [rank].
std::uint64_t busiest_port_bytes(ByteMatrix bytes) {
    for (std::size_t rank = 0; rank < bytes.extent(0); ++rank) bytes(rank, rank) = 0;
    return busiest_rank_bytes(bytes);
}

Json rung_json(SweptRung const& one) {
    auto const& f = one.figures;
    Json json{{"kind", name_of(one.rung.kind)},
              {"name", one.rung.name},
              {"size_bytes", f.size_bytes},
              {"port_bytes", busiest_port_bytes(one.rung.bytes)},
              {"iterations", f.p50.samples},
              {"ended_by", name_of(one.samples.ended)},
              {"p50_us", us(f.p50.value)},
              {"p50_low_us", us(f.p50.low)},
              {"p50_high_us", us(f.p50.high)},
              {"p50_bounded", f.p50.bounded},
              {"p95_us", us(f.p95_s)},
              {"p99_us", us(f.p99_s)},
              {"fastest_rank_us", us(f.fastest_rank_s)},
              {"beyond_1_5_p50", f.stragglers},
              {"algbw_gb_per_s", gb_per_s(f.algbw_bytes_per_s)},
              {"busbw_gb_per_s", gb_per_s(f.busbw_bytes_per_s)},
              {"first_call_us", us(one.samples.first_call_s)}};
    auto& slowest = json["times_us"] = Json::array();
    auto& of_ranks = json["rank_times_us"] = Json::array();
    auto const& rank_s = one.samples.rank_s;
    for (std::size_t i = 0; i < rank_s.extent(0); ++i)
        slowest.push_back(us(*std::max_element(rank_s.row(i).begin(), rank_s.row(i).end())));
    for (std::size_t rank = 0; rank < rank_s.extent(1); ++rank) {
        auto& series = of_ranks.emplace_back(Json::array());
        for (std::size_t i = 0; i < rank_s.extent(0); ++i) series.push_back(us(rank_s(i, rank)));
    }
    return json;
}

}  // namespace

std::string sweep_table(Sweep const& sweep) {
    std::string text = fmt::format(
        "{} over {} ranks, {}, {} clock\nset-up: exchange made {}, first call (a row to every rank) {}, "
        "second {}\n",
        sweep.exchange, sweep.ranks, sweep.request.cadence, sweep.clock, show_seconds(sweep.set_up.make_s),
        show_seconds(sweep.set_up.first_call_s), show_seconds(sweep.set_up.second_call_s));
    Table table({"rung", "size [B]", "p50 [us]", "95 % interval", "p95", "p99", "fastest rank",
                 "algbw [GB/s]", "busbw", "n", "> 1.5 p50", "ended by"});
    for (auto const& one : sweep.rungs) {
        auto const& f = one.figures;
        table.add({one.rung.name, std::to_string(f.size_bytes), times_text(f.p50.value),
                   fmt::format("{}{} .. {}", f.p50.bounded ? "" : "~ ", times_text(f.p50.low),
                               times_text(f.p50.high)),
                   times_text(f.p95_s), times_text(f.p99_s), times_text(f.fastest_rank_s),
                   rate_text(one, f.algbw_bytes_per_s), rate_text(one, f.busbw_bytes_per_s),
                   std::to_string(f.p50.samples), std::to_string(f.stragglers), name_of(one.samples.ended)});
    }
    return text + table.text(TableStyle::plain) +
           "size: what the busiest rank sends or receives, itself included, as in nccl-tests; times: the "
           "slowest rank of "
           "each iteration,\nnearest-rank percentiles; algbw: size / p50; ~: too few samples to bound the "
           "median\n";
}

std::string sweep_json(Sweep const& sweep) {
    auto const version = program_version();
    auto const machine = this_machine();
    Json environment = Json::object();
    for (auto const& [name, value] : environment::snapshot()) environment[name] = value;
    Json json{{"created_utc", utc_now()},
              {"program_version", version.version},
              {"git_state", version.git_state},
              {"command_line", sweep.command_line},
              {"host", machine.host},
              {"cpu", machine.cpu},
              {"environment", environment},
              {"exchange", sweep.exchange},
              {"ranks", sweep.ranks},
              {"nodes", sweep.nodes},
              {"clock", sweep.clock},
              {"cadence", sweep.request.cadence},
              {"row_bytes", sweep.request.row_bytes},
              {"warmups", sweep.request.warmups},
              {"seed", sweep.request.seed},
              {"set_up",
               {{"make_us", us(sweep.set_up.make_s)},
                {"first_call_us", us(sweep.set_up.first_call_s)},
                {"second_call_us", us(sweep.set_up.second_call_s)}}},
              {"rungs", Json::array()}};
    for (auto const& one : sweep.rungs) json["rungs"].push_back(rung_json(one));
    return to_text(json);
}

std::string sweep_csv(Sweep const& sweep) {
    std::string text =
        "exchange,ranks,clock,cadence,kind,name,size_bytes,port_bytes,iterations,ended_by,p50_us,p50_low_us,"
        "p50_high_us,"
        "p95_us,p99_us,fastest_rank_us,beyond_1_5_p50,algbw_gb_per_s,busbw_gb_per_s,first_call_us\n";
    for (auto const& one : sweep.rungs) {
        auto const& f = one.figures;
        std::string name = one.rung.name;
        std::replace_if(
            name.begin(), name.end(), [](char c) { return c == '"' || c == '\n'; }, '_');
        text += fmt::format(
            "{},{},{},{},{},\"{}\",{},{},{},{},{},{},{},{},{},{},{},{},{},{}\n", sweep.exchange, sweep.ranks,
            sweep.clock, sweep.request.cadence, name_of(one.rung.kind), name, f.size_bytes,
            busiest_port_bytes(one.rung.bytes), f.p50.samples, name_of(one.samples.ended), us(f.p50.value),
            us(f.p50.low), us(f.p50.high), us(f.p95_s), us(f.p99_s), us(f.fastest_rank_s), f.stragglers,
            gb_per_s(f.algbw_bytes_per_s), gb_per_s(f.busbw_bytes_per_s), us(one.samples.first_call_s));
    }
    return text;
}

}  // namespace moewire
