// How many weights has this model, and how much memory does a rank need to run it? From the config alone.
#pragma once

#include <cstdint>
#include <vector>

#include "checkpoint/config.hpp"
#include "model/language_model.hpp"

namespace moewire {

// Unit: weights. Every number of a checkpoint's tensors counts, but neither scales of quantised ones nor
// layers that are not run.
struct ParameterCount {
    std::int64_t dense = 0;       // all but the routed experts: on every rank
    std::int64_t one_expert = 0;  // of one routed expert in one layer
    std::int64_t experts = 0;     // of all routed experts in all layers

    std::int64_t total() const { return dense + experts; }
};

// Throws: usage (source "model"), for an architecture that is not known.
ParameterCount count_parameters(ModelConfig const& config);

// The model that its first `layers` layers are. Throws: usage, when there are not as many, or none of them
// has experts.
ModelConfig first_layers(ModelConfig config, std::int64_t layers);

enum class Purpose {
    forward,  // each layer's temporaries are freed before the next
    training  // they stay until the backward pass; gradients, and AdamW's state in fp32
};

// What one rank runs at a time.
struct Workload {
    Precision precision = Precision::float32;
    int ranks = 1;
    std::int64_t sequences = 4;
    std::int64_t positions = 256;      // of each sequence, in one pass
    std::int64_t cache_positions = 0;  // > 0: decoding behind so many positions at most
    std::int64_t further_copies = 0;   // of experts, on a rank in each layer
    Purpose purpose = Purpose::forward;
    bool reads_logits = false;  // of all positions

    std::int64_t tokens() const { return sequences * positions; }
};

// Unit: bytes, on the rank that holds most experts; with as many rows coming as going, as even loads have;
// the busiest expert has 1.5 times its share of them.
struct Footprint {
    std::int64_t dense_weights = 0;
    std::int64_t expert_weights = 0;
    std::int64_t gradients = 0;
    std::int64_t optimiser = 0;    // AdamW: two moments in fp32, and a master copy where weights are narrower
    std::int64_t activations = 0;  // largest working set of a layer or the head; training: of all together
    std::int64_t exchange_buffers = 0;  // rows that are sent and that come
    std::int64_t idle_heap = 0;         // free, but kept: temporaries of other sizes cannot have it all
    std::int64_t kv_cache = 0;

    std::int64_t weights() const { return dense_weights + expert_weights; }
    std::int64_t total() const;
};

// Throws: usage, for more ranks than experts, or an architecture that is not known.
Footprint footprint_of(ModelConfig const& config, Workload const& load);

// Each part with its name, in the order above.
struct FootprintPart {
    char const* name;
    std::int64_t bytes;
};
std::vector<FootprintPart> parts_of(Footprint const& footprint);

}  // namespace moewire
