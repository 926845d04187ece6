#include "train/trainer.hpp"

#include <c10/util/Exception.h>
#include <cmath>
#include <new>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/autograd.h>

#include "base/error.hpp"
#include "system/agreement.hpp"
#include "train/balance_loss.hpp"
#include "train/optimizer.hpp"
#include "train/state.hpp"

namespace moewire {
namespace {

struct Term {
    BalanceTerm loss;
    double weight;
};

// A step whose figures are still on the device, as one row of numbers; ranks' rows add up.
struct Pending {
    std::int64_t step;
    double learning_rate;
    at::Tensor numbers;
};

// What the batches of one step said so far, on the device.
struct Tally {
    at::Tensor nll, counts, unsound;  // scalar; Shapes: [layer, expert], [decoder layer]
    std::vector<at::Tensor> terms;
    std::int64_t targets = 0, tokens = 0;
};

void add_to(at::Tensor& sum, at::Tensor const& part) {
    sum = sum.defined() ? sum + part : part;
}

at::Tensor counts_by_layer(TrainingPass const& pass) {
    std::vector<at::Tensor> rows;
    for (auto const& layer : pass.layers) rows.push_back(counts_of(layer.picks, layer.shares.size(1)));
    return at::stack(rows).to(at::kDouble);
}

[[noreturn]] void out_of_memory() {
    throw failure(
        "memory",
        "out of memory while learning (weights, gradients and moments take 16 bytes a parameter, and "
        "activations grow with the tokens of a batch); lower --batch_size (--accumulate keeps the "
        "step's size) or --max_length, give --recompute or --dtype bfloat16, let fewer parts --learn, "
        "or start more ranks");
}

}  // namespace

struct Trainer::Parts {
    LanguageModel& model;
    ExpertParallel parallel;
    TrainerOptions options;
    std::vector<Term> terms;
    std::vector<LearningTensor> tensors;
    std::unique_ptr<ActivePolicy> policy;
    std::int64_t steps = 0;
    std::vector<Pending> pending;

    void learn_from(Grid<std::int32_t, 2> const& batch, std::int64_t all_targets, double share, Tally& tally);
    at::Tensor row_of(Tally const& tally, GradientNorms const& norms) const;
    StepRecord record_of(Pending const& pending, std::span<double const> row) const;
};

Trainer::Trainer(LanguageModel& model, ExpertParallel const& parallel, TrainerOptions options)
    : parts_(std::make_unique<Parts>(Parts{model, parallel, std::move(options), {}, {}, {}, 0, {}})) {
    auto& p = *parts_;
    run_on_all(parallel.communicator, [&] {
        auto const& facts = model.facts();
        if (facts.precision == Precision::float16)
            throw usage_error(
                "learning in float16 is not offered (its gradients leave its range); use bfloat16 or "
                "float32");
        for (auto const& term : p.options.terms) p.terms.push_back({BalanceTerm(term.spec), term.weight});
        std::int64_t slots = 0;
        for (auto const layer : ids<LayerId>(static_cast<std::size_t>(facts.layers)))
            for (auto const rank : ids<RankId>(static_cast<std::size_t>(parallel.communicator.size())))
                slots += static_cast<std::int64_t>(parallel.assignment.experts_on(layer, rank).size());
        if (slots != facts.layers * facts.experts)
            throw usage_error("an expert is held twice (copies would learn apart); use a placement");
        p.tensors = learning_tensors(trainable(model).tensors(parallel), p.options.learns,
                                     facts.decoder_layers, p.options.seed);
        if (!p.options.policy.empty()) p.policy = model.make_policy(p.options.policy, p.options.seed);
    });
}

Trainer::~Trainer() {
    release(parts_->tensors);
}

void Trainer::Parts::learn_from(Grid<std::int32_t, 2> const& batch, std::int64_t all_targets, double share,
                                Tally& tally) {
    LearningOptions const how{options.recomputes_activations ? Activations::recompute : Activations::keep,
                              policy.get()};
    auto const pass = trainable(model).forward_to_learn(batch, parallel, how);
    // Every rank's share of the mean over all: gradients are then summed over ranks.
    auto loss = pass.nll_sum * (options.lm_weight / static_cast<double>(all_targets));
    tally.terms.resize(terms.size());
    for (std::size_t t = 0; t < terms.size(); ++t) {
        auto const value = terms[t].loss.value(pass, parallel.communicator);
        add_to(tally.terms[t], value.detach().to(at::kDouble) * share);
        if (terms[t].weight != 0) loss = loss + value * (terms[t].weight * share);
    }
    torch::autograd::backward({loss}, {at::ones_like(loss)});
    collect_gradients(tensors);
    add_to(tally.nll, pass.nll_sum.detach().to(at::kDouble));
    add_to(tally.counts, counts_by_layer(pass));
    add_to(tally.unsound, pass.sound.logical_not().to(at::kDouble));
    tally.targets += pass.targets;
    tally.tokens += static_cast<std::int64_t>(batch.size());
    if (policy) trainable(model).end_batch(*policy, parallel, pass);
}

// What every rank knows alike is counted on rank 0 alone.
at::Tensor Trainer::Parts::row_of(Tally const& tally, GradientNorms const& norms) const {
    double const once = parallel.communicator.is_root() ? 1 : 0;
    auto const own =
        at::tensor({static_cast<double>(tally.targets), static_cast<double>(tally.tokens)}, at::kDouble)
            .to(tally.nll.device(), /*non_blocking=*/true);
    std::vector<at::Tensor> parts{own, tally.nll.view(1)};
    auto const add_common = [&](at::Tensor const& value) {
        parts.push_back(once > 0 ? value.to(at::kDouble).view(1) : at::zeros({1}, own.options()));
    };
    add_common(norms.all);
    add_common(norms.routers);
    for (auto const& term : tally.terms) add_common(term);
    parts.push_back(tally.unsound);
    parts.push_back(tally.counts.reshape({-1}));
    return at::cat(parts);
}

void Trainer::step(std::span<Grid<std::int32_t, 2> const> batches, double learning_rate) {
    auto& p = *parts_;
    auto const& world = p.parallel.communicator;
    std::int64_t targets = 0;
    for (auto const& batch : batches)
        targets += static_cast<std::int64_t>(batch.extent(0) * std::max<std::size_t>(1, batch.extent(1)) -
                                             batch.extent(0));
    auto const all_targets = std::max<std::int64_t>(1, world.sum(targets));
    try {
        Tally tally;
        for (auto const& batch : batches)
            p.learn_from(batch, all_targets, 1.0 / static_cast<double>(batches.size()), tally);
        c10::AutoGradMode const no_gradients(false);
        auto const norms = reduce_gradients(p.tensors, world);
        adamw_step(p.tensors, norms, p.options, learning_rate, p.steps + 1);
        p.pending.push_back({++p.steps, learning_rate, p.row_of(tally, norms)});
    } catch (c10::OutOfMemoryError const&) {
        out_of_memory();
    } catch (std::bad_alloc const&) {
        out_of_memory();
    }
}

StepRecord Trainer::Parts::record_of(Pending const& step, std::span<double const> row) const {
    StepRecord record;
    record.step = step.step;
    record.learning_rate = step.learning_rate;
    record.tokens = static_cast<std::int64_t>(row[1]);
    record.lm_loss = row[2] / row[0];
    record.gradient_norm = row[3];
    record.router_gradient_norm = row[4];
    record.total_loss = options.lm_weight * record.lm_loss;
    std::size_t place = 5;
    for (auto const& term : terms) {
        record.term_values.push_back(row[place]);
        record.total_loss += term.weight * row[place++];
    }
    auto const& facts = model.facts();
    for (std::int64_t layer = 0; layer < facts.decoder_layers; ++layer, ++place) {
        if (row[place] > 0 && record.first_unsound_layer < 0) record.first_unsound_layer = layer;
    }
    record.is_sound = std::isfinite(record.total_loss) && std::isfinite(record.gradient_norm);
    record.expert_tokens = Grid<std::int64_t, 2>(facts.layers, facts.experts);
    for (auto& count : record.expert_tokens.row()) count = static_cast<std::int64_t>(row[place++]);
    return record;
}

std::vector<StepRecord> Trainer::take_records() {
    auto& p = *parts_;
    if (p.pending.empty()) return {};
    std::vector<at::Tensor> rows;
    for (auto const& pending : p.pending) rows.push_back(pending.numbers);
    auto const all = at::stack(rows).cpu().contiguous();
    auto const width = static_cast<std::size_t>(all.size(1));
    std::span<double> const numbers(all.mutable_data_ptr<double>(), rows.size() * width);
    p.parallel.communicator.sum(numbers);
    std::vector<StepRecord> records;
    for (std::size_t row = 0; row < rows.size(); ++row)
        records.push_back(p.record_of(p.pending[row], numbers.subspan(row * width, width)));
    p.pending.clear();
    return records;
}

std::int64_t Trainer::steps_done() const {
    return parts_->steps;
}
ActivePolicy* Trainer::policy() const {
    return parts_->policy.get();
}
std::int64_t Trainer::learning_here() const {
    std::int64_t count = 0;
    for (auto const& one : parts_->tensors) count += one.master.numel();
    return count;
}

void Trainer::save_state(std::filesystem::path const& folder) const {
    write_state(folder, parts_->tensors, parts_->steps, parts_->parallel.communicator);
}
void Trainer::load_state(std::filesystem::path const& folder) {
    parts_->steps = read_state(folder, parts_->tensors, parts_->parallel.communicator);
}

}  // namespace moewire
