#include "model/footprint.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.hpp"
#include "model/traits.hpp"

namespace moewire {
namespace {

constexpr std::int64_t fp32_bytes = 4;
// Share of the temporaries' memory that lies idle between blocks in use (system/memory.hpp keeps it): found
// by `moewire doctor --run` with 64 to 4,096 tokens and small weights, in bfloat16, on one rank and on four.
constexpr std::int64_t idle_percent = 45;
// Of an expert's even share of rows: what its busiest is planned for, since no router deals them evenly.
constexpr std::int64_t busiest_percent = 150;
constexpr std::int64_t sink_scores = 1 << 24;  // numbers of one slice of scores, where attention has sinks

// Widths of what attention makes of a token.
struct AttentionWidths {
    std::int64_t query = 0;      // all heads together
    std::int64_t key = 0;        // key heads together, before they are repeated
    std::int64_t result = 0;     // of all heads together
    std::int64_t projected = 0;  // what the first products give
    std::int64_t cached = 0;     // kept of a position in a cache
};

AttentionWidths widths_of(ModelConfig const& c, Traits const& traits) {
    if (traits.attention != AttentionKind::latent) {
        std::int64_t const q = c.heads * c.head_dim, kv = c.kv_heads * c.head_dim;
        return {q, kv, q, q + 2 * kv, 2 * kv};
    }
    auto const& l = c.latent;
    std::int64_t const q = c.heads * (l.nope_head_dim + l.rope_head_dim);
    std::int64_t const wide = c.heads * (l.nope_head_dim + l.v_head_dim);
    std::int64_t const kept = l.kv_lora_rank + l.rope_head_dim;
    return {q, q, c.heads * l.v_head_dim, q + 2 * l.q_lora_rank + kept + wide, kept};
}

std::int64_t latent_attention_weights(ModelConfig const& c, Traits const& traits) {
    auto const& l = c.latent;
    auto const w = widths_of(c, traits);
    std::int64_t const kept = l.kv_lora_rank + l.rope_head_dim;
    std::int64_t const queries =
        l.q_lora_rank == 0 ? c.hidden_size * w.query : (c.hidden_size + 1 + w.query) * l.q_lora_rank;
    std::int64_t const biases = traits.attention_out_bias ? l.q_lora_rank + kept + c.hidden_size : 0;
    return queries + c.hidden_size * kept + l.kv_lora_rank +
           l.kv_lora_rank * c.heads * (l.nope_head_dim + l.v_head_dim) + w.result * c.hidden_size + biases;
}

std::int64_t attention_weights(ModelConfig const& c, Traits const& traits) {
    if (traits.attention == AttentionKind::latent) return latent_attention_weights(c, traits);
    auto const w = widths_of(c, traits);
    std::int64_t count = c.hidden_size * w.projected + w.query * c.hidden_size;
    if (traits.qkv_bias) count += w.projected;
    if (traits.attention_out_bias) count += c.hidden_size;
    if (traits.sinks) count += c.heads;
    if (traits.qk_norm == QkNorm::whole) count += w.query + w.key;
    if (traits.qk_norm == QkNorm::per_head) count += 2 * c.head_dim;
    return count;
}

std::int64_t feed_forward_weights(ModelConfig const& c, std::int64_t width) {
    return 3 * c.hidden_size * width + (c.mlp_bias ? 2 * width + c.hidden_size : 0);
}

// Router and shared experts.
std::int64_t block_weights(ModelConfig const& c, Traits const& traits) {
    std::int64_t count = c.experts * c.hidden_size;
    if (traits.router_bias) count += c.experts;
    if (traits.choice_bias) count += c.experts;
    if (traits.shared_expert != SharedExpert::none)
        count += feed_forward_weights(c, c.shared_intermediate_size);
    if (traits.shared_expert == SharedExpert::gated) count += c.hidden_size;
    return count;
}

// Working memory of one layer's parts, in elements of the compute dtype unless named otherwise. `live` is
// what stays while a part runs, `peak` its largest sum of temporaries.
struct Work {
    std::int64_t bytes_per_element, tokens;
    ModelConfig const& config;
    Traits const& traits;
    Workload const& load;

    std::int64_t of(std::int64_t width) const { return tokens * width * bytes_per_element; }
    std::int64_t hidden() const { return of(config.hidden_size); }
    // In fp32: nothing more where that is the compute dtype already.
    std::int64_t widened(std::int64_t width) const {
        return bytes_per_element == fp32_bytes ? 0 : tokens * width * fp32_bytes;
    }

    // RMSNorm computes in fp32: its input widened, scaled and cast.
    std::int64_t norm() const {
        if (traits.norm == NormKind::layer) return 2 * hidden();
        return 3 * hidden() + 2 * tokens * config.hidden_size * fp32_bytes;
    }

    std::int64_t attention() const {
        auto const w = widths_of(config, traits);
        std::int64_t const keys =
            load.sequences * std::max(load.positions, load.cache_positions) * bytes_per_element;
        // Residual and normed input; projections; rotated queries and keys; keys and values for every head;
        // the mixed values, laid out anew; the output.
        std::int64_t bytes = 2 * hidden() + of(w.projected) + of(w.query + w.key) + 2 * keys * w.query +
                             2 * of(w.query) + hidden();
        if (traits.sinks) {
            auto const scores = load.sequences * config.heads * load.positions *
                                std::max(load.positions, load.cache_positions);
            bytes += 4 * std::min(scores, sink_scores) * bytes_per_element;
        }
        return bytes;
    }

    std::int64_t feed_forward(std::int64_t width) const { return 2 * hidden() + of(3 * width); }

    // While experts compute: their rows as they came, sorted by expert, and their results, with what the
    // widest expert makes of its own. While a token's results are summed: these, wide, the sum, and the sum
    // narrowed. An exchange's buffers, rows that go and rows that come, count apart.
    std::int64_t experts(std::int64_t slots) const {
        std::int64_t const rows = config.top_k * hidden();
        std::int64_t const buffers = load.ranks > 1 ? 2 * rows : 0;
        std::int64_t const inside = of(config.top_k * 3 * config.intermediate_size) /
                                    std::max<std::int64_t>(slots, 1) * busiest_percent / 100;
        std::int64_t const computing = (load.ranks > 1 ? 3 : 2) * rows + inside - buffers;
        std::int64_t const summing = rows + config.top_k * widened(config.hidden_size) +
                                     tokens * config.hidden_size * fp32_bytes + hidden() - buffers;
        std::int64_t const shared =
            traits.shared_expert == SharedExpert::none ? 0 : feed_forward(config.shared_intermediate_size);
        return 2 * hidden() + std::max({computing, summing, shared + hidden()});
    }

    std::int64_t head() const {
        std::int64_t const logits = tokens * config.vocab_size;
        return 2 * hidden() + logits * fp32_bytes + std::max(of(config.vocab_size), logits * fp32_bytes);
    }
};

std::int64_t activations_of(Work const& work, std::int64_t slots) {
    auto const& config = work.config;
    auto const moe = static_cast<std::int64_t>(config.moe_layers.size());
    std::int64_t const dense =
        config.layers > moe ? work.feed_forward(config.dense_intermediate_size) : std::int64_t{0};
    std::int64_t const head =
        work.load.reads_logits || work.load.purpose == Purpose::training ? work.head() : 0;
    if (work.load.purpose == Purpose::forward)
        return std::max({work.hidden() + work.norm(), work.attention(), work.experts(slots), dense, head});
    return config.layers * (2 * work.norm() + work.attention()) + moe * work.experts(slots) +
           (config.layers - moe) * dense + head;
}

}  // namespace

ParameterCount count_parameters(ModelConfig const& config) {
    auto const traits = traits_of(config);
    auto const moe = static_cast<std::int64_t>(config.moe_layers.size());
    std::int64_t const hidden = config.hidden_size;
    std::int64_t const norm = traits.norm == NormKind::layer ? 2 * hidden : hidden;
    ParameterCount count;
    count.one_expert = 3 * hidden * config.intermediate_size +
                       (traits.expert_bias ? 2 * config.intermediate_size + hidden : 0);
    count.experts = moe * config.experts * count.one_expert;
    count.dense = (config.tie_word_embeddings ? 1 : 2) * config.vocab_size * hidden +
                  (traits.lm_head_bias ? config.vocab_size : 0) + norm +
                  config.layers * (attention_weights(config, traits) + 2 * norm) +
                  moe * block_weights(config, traits) +
                  (config.layers - moe) * feed_forward_weights(config, config.dense_intermediate_size);
    return count;
}

ModelConfig first_layers(ModelConfig config, std::int64_t layers) {
    auto const beyond = [&](std::int64_t layer) { return layer >= layers; };
    if (layers < 1 || layers > config.layers) {
        throw usage_error(fmt::format("--layers {} is outside 1 .. {} (the model has so many); choose fewer",
                                      layers, config.layers));
    }
    std::erase_if(config.moe_layers, beyond);
    std::erase_if(config.sliding_layers, beyond);
    if (config.moe_layers.empty()) {
        throw usage_error(fmt::format(
            "--layers {} leaves no layer with experts (the first ones are dense); take more", layers));
    }
    config.layers = layers;
    return config;
}

std::int64_t Footprint::total() const {
    std::int64_t sum = 0;
    for (auto const& part : parts_of(*this)) sum += part.bytes;
    return sum;
}

std::vector<FootprintPart> parts_of(Footprint const& f) {
    return {{"dense weights", f.dense_weights}, {"expert weights", f.expert_weights},
            {"gradients", f.gradients},         {"optimiser", f.optimiser},
            {"activations", f.activations},     {"exchange buffers", f.exchange_buffers},
            {"idle heap", f.idle_heap},         {"KV cache", f.kv_cache}};
}

Footprint footprint_of(ModelConfig const& config, Workload const& load) {
    if (load.ranks > config.experts) {
        throw usage_error(fmt::format("{} ranks for {} experts (a rank needs one at least); use fewer ranks",
                                      load.ranks, config.experts));
    }
    auto const traits = traits_of(config);
    auto const count = count_parameters(config);
    auto const moe = static_cast<std::int64_t>(config.moe_layers.size());
    auto const bytes = element_bytes(load.precision);
    auto const slots = (config.experts + load.ranks - 1) / load.ranks + load.further_copies;
    Work const work{bytes, load.tokens(), config, traits, load};
    Footprint f;
    f.dense_weights = count.dense * bytes;
    f.expert_weights = moe * slots * count.one_expert * bytes;
    if (load.purpose == Purpose::training) {
        f.gradients = f.weights();
        f.optimiser = f.weights() / bytes * (2 * fp32_bytes + (bytes < fp32_bytes ? fp32_bytes : 0));
    }
    f.activations = activations_of(work, slots);
    if (load.ranks > 1) f.exchange_buffers = 2 * config.top_k * work.hidden();
    f.idle_heap = (f.activations + f.exchange_buffers) * idle_percent / 100;
    f.kv_cache =
        config.layers * load.sequences * load.cache_positions * widths_of(config, traits).cached * bytes;
    return f;
}

}  // namespace moewire
