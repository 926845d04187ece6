#include "bench/memory_plan.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/error.hpp"
#include "bench/places.hpp"
#include "system/machine.hpp"

namespace moewire {
namespace {

constexpr std::int64_t gib_bytes = std::int64_t{1} << 30;
// Code and thread pools of the libraries that the first pass touches: one token on one rank took so much
// more than its weights.
constexpr std::int64_t first_pass_bytes = std::int64_t{16} << 20;
constexpr std::int64_t most_tokens = std::int64_t{1} << 30;
constexpr std::int64_t fewest_tokens = 64;  // below, exchanges are not worth planning for

void check(MemoryRequest const& r) {
    auto const refuse = [](std::string const& option, auto value, std::string const& why) {
        throw usage_error(fmt::format("{} {} makes no sense ({}); choose another", option, value, why));
    };
    if (r.ranks < 0) refuse("--ranks", r.ranks, "0 means as many as were started");
    if (r.tokens_per_rank < 1 || r.tokens_per_rank > most_tokens)
        refuse("--tokens", r.tokens_per_rank, "1 to 2^30");
    if (r.window < 1 || r.window > most_tokens) refuse("--window", r.window, "1 to 2^30");
    if (r.decode_positions < 0 || r.decode_positions > most_tokens)
        refuse("--decode", r.decode_positions, "0 to 2^30");
    if (r.copies < 0 || r.copies > most_tokens) refuse("--copies", r.copies, "0 at least");
    if (!(r.device_memory_gib >= 0 && r.device_memory_gib < 1e6))
        refuse("--device_memory", r.device_memory_gib, "GiB of one device");
    if (r.train && r.decode_positions > 0)
        throw usage_error("--train and --decode exclude each other (training runs whole windows); give one");
}

void set_tokens(MemoryRequest const& r, std::int64_t tokens, Workload& load) {
    load.positions = r.decode_positions > 0 ? 1 : std::min(r.window, tokens);
    load.sequences = std::max<std::int64_t>(1, tokens / load.positions);
}

Workload load_of(MemoryRequest const& r, int started_ranks) {
    Workload load;
    load.precision = precision_of(r.subject.dtype);
    load.ranks = r.ranks > 0 ? r.ranks : started_ranks;
    load.cache_positions = r.decode_positions;
    load.further_copies = r.copies;
    load.purpose = r.train ? Purpose::training : Purpose::forward;
    set_tokens(r, r.tokens_per_rank, load);
    return load;
}

std::int64_t available_for(MemoryRequest const& r, int ranks) {
    if (r.device_memory_gib > 0) return std::llround(r.device_memory_gib * static_cast<double>(gib_bytes));
    return this_machine().memory_bytes / ranks;
}

// Tries what a user can change, one thing at a time, then all together.
class Adviser {
  public:
    Adviser(MemoryRequest const& request, MemoryPlan const& plan) : request_(request), plan_(plan) {}

    std::vector<std::string> advice() {
        if (plan_.load.precision == Precision::float32) {
            auto load = plan_.load;
            load.precision = Precision::bfloat16;
            offer("--dtype bfloat16", load);
        }
        if (auto const tokens = most_that_fits(plan_.load)) {
            auto load = plan_.load;
            set_tokens(request_, *tokens, load);
            offer(fmt::format("--tokens {} (the weights are not what is too large)", *tokens), load);
        }
        for (int ranks = 1; ranks <= plan_.config.experts; ranks *= 2) {
            auto load = plan_.load;
            load.ranks = ranks;
            if (ranks != plan_.load.ranks && offer(fmt::format("--ranks {}", ranks), load)) break;
        }
        if (plan_.load.further_copies > 0) {
            auto load = plan_.load;
            load.further_copies = 0;
            offer("no further copies of experts", load);
        }
        if (plan_.load.purpose == Purpose::training) {
            auto load = plan_.load;
            load.purpose = Purpose::forward;
            offer("no training", load);
        }
        if (found_.empty()) everything();
        return found_;
    }

  private:
    std::int64_t needed(Workload const& load) const {
        return plan_.program_bytes + footprint_of(plan_.config, load).total();
    }
    bool fits(Workload const& load) const { return needed(load) <= available_for(request_, load.ranks); }

    bool offer(std::string const& what, Workload const& load) {
        if (!fits(load)) return false;
        found_.push_back(
            fmt::format("{}: {:.1f} GiB a rank", what, static_cast<double>(needed(load)) / gib_bytes));
        return true;
    }

    std::optional<std::int64_t> most_that_fits(Workload load) const {
        for (auto tokens = request_.tokens_per_rank / 2; tokens >= fewest_tokens; tokens /= 2) {
            set_tokens(request_, tokens, load);
            if (fits(load)) return tokens;
        }
        return std::nullopt;
    }

    // On devices more ranks always help, on one host fewer do.
    void everything() {
        auto load = plan_.load;
        if (load.precision == Precision::float32) load.precision = Precision::bfloat16;
        load.ranks = request_.device_memory_gib > 0 ? static_cast<int>(plan_.config.experts) : 1;
        load.further_copies = 0;
        set_tokens(request_, std::min(request_.tokens_per_rank, fewest_tokens), load);
        auto const together = fmt::format("--dtype {} --ranks {} --tokens {} together",
                                          name_of(load.precision), load.ranks, load.tokens());
        if (offer(together, load)) return;
        found_.push_back(fmt::format("a larger machine: even {} {} {:.1f} GiB a rank", together,
                                     load.purpose == Purpose::training ? "trains in" : "takes",
                                     static_cast<double>(needed(load)) / gib_bytes));
    }

    MemoryRequest const& request_;
    MemoryPlan const& plan_;
    std::vector<std::string> found_;
};

}  // namespace

void declare_memory_options(CLI::App& app, MemoryRequest& r) {
    declare_subject_options(app, r.subject);
    option(app, "ranks", r.ranks, "With --model: ranks that share the experts; 0: as many as were started");
    option(app, "tokens", r.tokens_per_rank, "With --model: tokens of a rank in one pass");
    option(app, "window", r.window, "With --model: tokens of a sequence");
    option(app, "decode", r.decode_positions,
           "With --model: decode, one token of each sequence a pass, behind so many positions at most");
    option(app, "copies", r.copies, "With --model: further copies of experts, on a rank in each layer");
    option(app, "device_memory", r.device_memory_gib,
           "With --model: GiB of each rank's device; 0: this host's memory, which all ranks share");
    flag(app, "train", r.train, "With --model: gradients and AdamW's state too");
    flag(app, "run", r.run, "With --model: load it, run one pass, and print what each rank really took");
}

MemoryPlan plan_memory(MemoryRequest const& request, int started_ranks) {
    check(request);
    MemoryPlan plan;
    plan.program_bytes = resident_bytes() + first_pass_bytes;
    plan.config = read_config(config_file_of(request.subject));
    if (request.subject.layers > 0) plan.config = first_layers(plan.config, request.subject.layers);
    plan.load = load_of(request, started_ranks);
    plan.parameters = count_parameters(plan.config);
    plan.footprint = footprint_of(plan.config, plan.load);
    plan.available_bytes = available_for(request, plan.load.ranks);
    plan.available_where = request.device_memory_gib > 0
                               ? "of the device"
                               : fmt::format("of this host's memory, for each of {} ranks", plan.load.ranks);
    if (!plan.fits()) plan.advice = Adviser(request, plan).advice();
    return plan;
}

}  // namespace moewire
