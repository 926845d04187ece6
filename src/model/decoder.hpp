// How do the parts make a model? One decoder for all architectures, driven by traits. (Inside the model room
// only.)
#pragma once

#include <optional>
#include <vector>

#include <ATen/core/Tensor.h>

#include "checkpoint/checkpoint.hpp"
#include "model/attention.hpp"
#include "model/experts.hpp"
#include "model/language_model.hpp"

namespace moewire {

// LayerNorm or RMSNorm, as the traits say.
class Norm {
  public:
    Norm(WeightReader const& reader, ModelConfig const& config, Traits const& traits,
         std::string const& name);
    at::Tensor forward(at::Tensor const& x) const;

  private:
    double eps_;
    at::Tensor weight_, bias_;
};

struct DecoderLayer {
    Norm before_attention;
    Attention attention;
    Norm before_experts;
    MoeBlock experts;

    DecoderLayer(WeightReader const& reader, ModelConfig const& config, Traits const& traits,
                 std::size_t index);
};

class Decoder : public LanguageModel {
  public:
    Decoder(std::filesystem::path const& folder, ModelOptions const& options);

    ModelFacts const& facts() const override { return facts_; }
    ModelConfig const& config() const override { return config_; }
    std::string weight_digest() const override { return checkpoint_.digest(); }
    std::uint64_t bytes_read() const override { return checkpoint_.bytes_read(); }
    std::shared_ptr<ExpertBank const> load_experts(Assignment const& assignment, RankId rank) const override;
    std::unique_ptr<ActivePolicy> make_policy(std::string_view spec, std::uint64_t seed) const override;
    ForwardResult forward(Grid<std::int32_t, 2> const& tokens, ExpertParallel const& parallel,
                          Wanted const& wanted) override;

  private:
    // Throws: usage, when the checkpoint holds tensors that the config gives no place.
    void refuse_surplus() const;
    void describe(std::filesystem::path const& folder, Precision precision);
    at::Tensor checked_ids(Grid<std::int32_t, 2> const& tokens) const;
    void warn_when_long(std::int64_t positions);
    ForwardResult empty_result(Grid<std::int32_t, 2> const& tokens, Wanted const& wanted) const;
    void record(LayerRouting const& routing, std::size_t layer, Wanted const& wanted,
                ForwardResult& result) const;
    void read_out(at::Tensor const& hidden, at::Tensor const& ids, Wanted const& wanted,
                  ForwardResult& result) const;

    Checkpoint checkpoint_;
    ModelConfig config_;
    Traits traits_;
    WeightReader reader_;
    RotaryEmbedding rope_;
    LongRope long_rope_;
    ModelFacts facts_;
    at::Tensor embedding_, head_, head_bias_;
    std::vector<DecoderLayer> layers_;
    std::optional<Norm> final_norm_;
    bool warned_long_ = false;
};

}  // namespace moewire
