// How do the parts make a model? One decoder for all architectures, driven by traits. (Inside the model room
// only.)
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include <ATen/core/Tensor.h>

#include "checkpoint/checkpoint.hpp"
#include "gpu/device.hpp"
#include "model/attention.hpp"
#include "model/feed_forward.hpp"
#include "model/language_model.hpp"
#include "model/moe_block.hpp"
#include "model/trainable.hpp"

namespace moewire {

// LayerNorm or RMSNorm, as the traits say.
class Norm {
  public:
    Norm(WeightReader const& reader, ModelConfig const& config, Traits const& traits,
         std::string const& name);
    at::Tensor forward(at::Tensor const& x) const;

  private:
    NormKind kind_;
    double eps_;
    at::Tensor weight_, bias_;
};

// Either `experts` or `dense` follows the attention.
struct DecoderLayer {
    Norm before_attention;
    std::unique_ptr<Attention> attention;
    Norm before_experts;
    std::optional<MoeBlock> experts;
    std::optional<FeedForward> dense;

    // `moe_index`: among the layers with experts, where it is one.
    DecoderLayer(WeightReader const& reader, ModelConfig const& config, Traits const& traits,
                 std::int64_t index, std::optional<std::size_t> moe_index);
};

// One position further, recorded: what it reads and writes stays at the same place.
struct DecodeGraph {
    at::Tensor ids, position;  // Shapes: [sequence, 1], [1]; int64, filled before each replay
    at::Tensor logits;         // Shape: [sequence, 1, vocabulary], fp32
    std::vector<LayerRouting> routings;
    std::unique_ptr<GpuGraph> graph;
    ExpertBank const* experts = nullptr;  // that it was recorded with
};

// The positions that all layers have seen.
class DecoderCache : public KvCache {
  public:
    DecoderCache(std::vector<DecoderLayer> const& layers, std::int64_t sequences, std::int64_t positions);
    std::int64_t sequences() const override { return sequences_; }
    std::int64_t capacity() const override { return capacity_; }
    std::int64_t length() const override { return length_; }
    void clear() override { length_ = 0; }
    std::int64_t bytes() const override;

    LayerCache& layer(std::size_t index) { return layers_[index]; }
    void advance(std::int64_t positions) { length_ += positions; }
    std::unique_ptr<DecodeGraph>& graph() { return graph_; }

  private:
    std::int64_t sequences_, capacity_, length_ = 0;
    std::vector<LayerCache> layers_;
    std::unique_ptr<DecodeGraph> graph_;
};

// What is loaded, and from where. The members' order is their order of construction.
class Decoder : public LanguageModel, public Trainable {
  public:
    struct Origin {
        std::string name;
        ModelConfig config;
        std::optional<Checkpoint> checkpoint;  // either of the two
        std::optional<SyntheticWeights> synthetic;
    };
    Decoder(Origin origin, ModelOptions const& options);

    ModelFacts const& facts() const override { return facts_; }
    ModelConfig const& config() const override { return origin_.config; }
    std::string weight_digest() const override { return source_->digest(); }
    std::uint64_t bytes_read() const override { return source_->bytes_read(); }
    std::shared_ptr<ExpertBank const> load_experts(Assignment const& assignment, RankId rank) const override;
    std::unique_ptr<ActivePolicy> make_policy(std::string_view spec, std::uint64_t seed) const override;
    std::unique_ptr<KvCache> make_cache(std::int64_t sequences, std::int64_t positions) const override;
    void save(std::filesystem::path const& folder, ExpertParallel const& parallel) const override;
    ForwardResult forward(Grid<std::int32_t, 2> const& tokens, ExpertParallel const& parallel,
                          Wanted const& wanted) override;
    LossAndGradients loss_and_gradients(Grid<std::int32_t, 2> const& tokens,
                                        ExpertParallel const& parallel) override;

    std::vector<TrainableTensor> tensors(ExpertParallel const& parallel) const override;
    TrainingPass forward_to_learn(Grid<std::int32_t, 2> const& tokens, ExpertParallel const& parallel,
                                  LearningOptions const& options) override;
    void end_batch(ActivePolicy& policy, ExpertParallel const& parallel,
                   TrainingPass const& pass) const override;

  private:
    friend struct RecomputedLayer;
    // Throws: usage, when the checkpoint holds tensors that the config gives no place.
    void refuse_surplus() const;
    void describe();
    at::Tensor checked_ids(Grid<std::int32_t, 2> const& tokens, DecoderCache const* cache) const;
    void warn_when_long(std::int64_t positions);
    ForwardResult empty_result(Grid<std::int32_t, 2> const& tokens, Wanted const& wanted) const;
    // Shape of `ids`: [sequence, position]; of the result: [sequence, position, hidden], before the last
    // norm.
    at::Tensor run_layers(at::Tensor const& ids, MoePass const& pass, DecoderCache* cache,
                          std::vector<LayerRouting>* routings);
    // The layers for one new position, all of whose data are on the device.
    at::Tensor run_layers_at(DecodeGraph& step, MoePass const& pass, DecoderCache& cache);
    // Can this pass be launched as one graph? One rank, one position a sequence, on a GPU, nobody looking.
    bool can_replay(at::Tensor const& ids, MoePass const& pass, DecoderCache const* cache) const;
    ForwardResult replay(at::Tensor const& ids, MoePass const& pass, DecoderCache& cache,
                         Wanted const& wanted, ForwardResult result);
    void record(std::vector<LayerRouting> const& routings, Wanted const& wanted, ForwardResult& result) const;
    // One layer of a pass that learns. `routing` is empty where the layer has no experts.
    at::Tensor learn_layer(std::size_t index, at::Tensor const& hidden, MoePass const& pass,
                           LayerRouting* routing);
    at::Tensor logits_of(at::Tensor const& hidden) const;
    void read_out(at::Tensor const& hidden, at::Tensor const& ids, Wanted const& wanted,
                  ForwardResult& result) const;

    Origin origin_;
    Traits traits_;
    std::unique_ptr<WeightSource> source_;
    WeightReader reader_;
    RotaryEmbedding rope_;
    ModelOptions options_;
    ModelFacts facts_;
    at::Tensor embedding_, head_, head_bias_;
    std::vector<DecoderLayer> layers_;
    std::optional<Norm> final_norm_;
    bool warned_long_ = false;
};

}  // namespace moewire
