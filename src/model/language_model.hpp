// What does the model say of these tokens? The face of the model room: no torch header behind it is needed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "assignment/assignment.hpp"
#include "base/grid.hpp"
#include "checkpoint/config.hpp"
#include "routing/routing.hpp"
#include "system/communicator.hpp"
#include "transport/exchange.hpp"
#include "transport/steps.hpp"

namespace moewire {

enum class Precision { float32, bfloat16, float16 };
Precision precision_of(std::string const& name);  // "float32", "bfloat16", "float16". Throws: usage.
std::string name_of(Precision precision);
std::int64_t element_bytes(Precision precision);

// Longrope beyond the original context: transformers 5.17 keeps the short factors (and takes the long
// magnitude); the model's own rule takes the long factors. Nothing differs below it.
enum class LongRope { transformers, config };

// Where the model computes. A GPU needs the CUDA library beside the program (see model/gpu.hpp).
struct ComputeDevice {
    bool is_cuda() const { return cuda_index >= 0; }
    int cuda_index = -1;  // -1: the CPU
};

struct ModelOptions {
    Precision precision = Precision::float32;
    LongRope long_rope = LongRope::transformers;
    ComputeDevice device = {};
};

// Made-up weights of a published geometry: what they say is meaningless, how much they move is not.
struct SyntheticWeights {
    std::uint64_t seed = 0;
    // How much experts differ in popularity: standard deviation of their scores' offsets, in units of what
    // scores differ by from token to token (1 about doubles the busiest expert's load; 0: all alike).
    double router_skew = 0.0;
    std::optional<std::int64_t> layers;  // the first so many alone
};

// What a token's experts may depend on under a routing policy, besides the token itself. A policy that looks
// at the whole batch is not causal: later tokens change earlier ones' experts.
enum class PolicyScope { token, earlier_tokens, earlier_batches, whole_batch };
std::string_view name_of(PolicyScope scope);

// A routing policy at work on a model: it learns from the batches that it routes until it is frozen.
class ActivePolicy {
  public:
    virtual ~ActivePolicy() = default;
    virtual PolicyScope scope() const = 0;
    // From now on a text is scored: only a policy that learns online goes on learning.
    virtual void end_calibration() = 0;
    // From now on nothing is learned: the same batch is always routed the same way.
    virtual void freeze() = 0;
};

// Sizes that everybody asks for.
struct ModelFacts {
    std::string name;                 // folder name; "synth:<geometry>" for made-up weights
    std::string architecture;         // model_type
    bool is_synthetic = false;        // no perplexity of it means anything
    std::int64_t layers = 0;          // with experts: everything about routing counts these alone
    std::int64_t decoder_layers = 0;  // with those that have none
    std::int32_t experts = 0;         // per layer
    std::int64_t top_k = 0;
    std::int64_t hidden_size = 0;
    std::int64_t vocabulary = 0;
    std::int64_t parameters = 0;
    Precision precision = Precision::float32;
    std::int64_t row_bytes = 0;     // one token's hidden state in the compute dtype
    std::int64_t expert_bytes = 0;  // one expert's weights in the compute dtype
};

// The expert weights of one rank under one assignment.
class ExpertBank {
  public:
    virtual ~ExpertBank() = default;
    virtual std::int64_t bytes() const = 0;
};

// What attention keeps of the positions so far, for sequences that go on token by token. All sequences of a
// rank have the same length.
class KvCache {
  public:
    virtual ~KvCache() = default;
    virtual std::int64_t sequences() const = 0;
    virtual std::int64_t capacity() const = 0;  // positions
    virtual std::int64_t length() const = 0;    // positions so far
    virtual void clear() = 0;
    virtual std::int64_t bytes() const = 0;
};

// The ranks that share the experts, and how their rows travel.
struct ExpertParallel {
    Communicator const& communicator;
    Exchange& exchange;
    Assignment const& assignment;
    ExpertBank const& experts;  // of this rank, loaded for this assignment
    std::string dispatcher = "per_expert";
};

enum class ReadOut {
    none,     // stop before the head, unless targets are scored
    last,     // logits of the last position alone, copied into the result
    compute,  // logits of all positions are computed and dropped
    keep      // and copied into the result
};

// What the caller wants besides the routing, which is always returned.
struct Wanted {
    std::int32_t first_target = 0;  // > 0: sum the negative log-likelihood of positions first_target .. end
    ReadOut read_out = ReadOut::none;  // logits of all positions
    bool router = false;               // keep router logits and weights
    StepObserver* observer = nullptr;
    ActivePolicy* policy = nullptr;  // of this model, from make_policy; null: the model's own router
    // Of this model, from make_cache: the tokens go behind what it holds, and it grows by them.
    KvCache* cache = nullptr;
};

struct ForwardResult {
    Routing routing;                      // token = sequence * positions + position
    double nll_sum = 0;                   // natural logarithm, fp32 per target, summed in fp64
    std::vector<double> nll_of_sequence;  // Shape: [sequence]; their sum is nll_sum
    std::int64_t targets = 0;
    Grid<float, 3> logits;          // Shape: [sequence, position, vocabulary]; ReadOut::last: one position
    Grid<float, 3> router_logits;   // Shape: [layer, token, expert]
    Grid<float, 3> router_weights;  // Shape: [layer, token, choice]
    // Choices that the policy took from what the router would have chosen for the same hidden states.
    // Shape: [layer]; zero without a policy.
    std::vector<std::int64_t> rerouted;
};

// How the mean loss changes with one tensor of the checkpoint.
struct Gradient {
    std::string name;  // of an expert in the one-tensor-per-expert layout, of all others as in the checkpoint
    std::vector<std::int64_t> shape;
    std::vector<float> values;  // row-major
};
struct LossAndGradients {
    double loss = 0;  // mean negative log-likelihood over all ranks' targets: every position but the first
    std::vector<Gradient> gradients;  // dense tensors (equal on all ranks), then this rank's experts
};

// A decoder-only language model with mixture-of-experts layers, experts sharded over ranks.
class LanguageModel {
  public:
    virtual ~LanguageModel() = default;

    // Reads config and dense weights; experts are loaded per assignment.
    // Throws: usage, when config and tensors do not belong together or something is not supported.
    static std::unique_ptr<LanguageModel> load(std::filesystem::path const& folder,
                                               ModelOptions const& options);

    // Made-up weights for the geometry of a config.json (a folder that holds one, or such a file); `name` is
    // what results call it. Throws: usage.
    static std::unique_ptr<LanguageModel> synthesise(std::filesystem::path const& config,
                                                     std::string const& name, SyntheticWeights const& weights,
                                                     ModelOptions const& options);

    virtual ModelFacts const& facts() const = 0;
    virtual ModelConfig const& config() const = 0;

    // Hash of all weights on disk: equal hashes, equal models. Reads every byte.
    virtual std::string weight_digest() const = 0;

    // Bytes of weights read from disk so far.
    virtual std::uint64_t bytes_read() const = 0;

    // `spec`: "[policy:]name[:key=value]...". Throws: usage, for an unknown name or a wrong setting.
    virtual std::unique_ptr<ActivePolicy> make_policy(std::string_view spec, std::uint64_t seed) const = 0;

    // The weights of the experts that `rank` holds, and no others.
    virtual std::shared_ptr<ExpertBank const> load_experts(Assignment const& assignment,
                                                           RankId rank) const = 0;

    // Collective: all ranks of `parallel`, which see one file system. Writes the weights as they are now into
    // `folder`, in the layout and dtypes that they were read in, with all other files of the model's folder.
    // Throws: usage, when the folder is there already, or the weights were made up or quantised; failure,
    // when it cannot be written. No such folder is left behind then.
    virtual void save(std::filesystem::path const& folder, ExpertParallel const& parallel) const = 0;

    // Room for `positions` positions of as many sequences, on the device that computes.
    virtual std::unique_ptr<KvCache> make_cache(std::int64_t sequences, std::int64_t positions) const = 0;

    // Collective: all ranks of `parallel`, each with at least one sequence, payload per_expert. fp32 on the
    // CPU. Shape of `tokens`: [sequence, position]. Throws: usage.
    virtual LossAndGradients loss_and_gradients(Grid<std::int32_t, 2> const& tokens,
                                                ExpertParallel const& parallel) = 0;

    // Collective: all ranks of `parallel`, each with its own sequences of one length. Shape of `tokens`:
    // [sequence, position]; zero sequences are fine, the rank then only serves its experts. Throws: usage,
    // for token ids outside the vocabulary or a full cache (before anything is exchanged).
    virtual ForwardResult forward(Grid<std::int32_t, 2> const& tokens, ExpertParallel const& parallel,
                                  Wanted const& wanted) = 0;
};

// Threads that one rank computes with.
void set_compute_threads(int threads);
int compute_threads();

// "2.11.0".
std::string torch_version();

}  // namespace moewire
