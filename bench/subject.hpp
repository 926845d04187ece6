// On what do we run? A model with its tokenizer, and texts cut into windows for it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "bench/command.hpp"
#include "model/language_model.hpp"
#include "text/corpus.hpp"
#include "text/tokenizer.hpp"
#include "text/windows.hpp"
#include "transport/exchange.hpp"

namespace moewire {

// A loaded model, expert-parallel over the ranks under one assignment.
struct Subject {
    std::filesystem::path config_file;
    std::unique_ptr<LanguageModel> model;
    std::unique_ptr<Tokenizer> tokenizer;

    MemoryKind memory = MemoryKind::host;  // where its rows lie

    ModelFacts const& facts() const { return model->facts(); }
};

// The options of every command that runs a model.
struct SubjectRequest {
    std::string model = "tiny-phimoe";
    std::string dtype = "float32";
    std::string long_rope = "transformers";
    std::string device = "cpu";
    bool share_gpu = false;  // else two ranks on one GPU are an error
    int threads = 0;         // of a rank, for computing; 0: its share of the host's cores
    // Of "synth:<geometry>" alone.
    std::int64_t layers = 0;  // the first so many; 0: all
    std::uint64_t synth_seed = 0;
    double router_skew = SyntheticWeights{}.router_skew;

    bool is_synthetic() const;
};
// Collective: all ranks, each with its GPU selected. Throws on all ranks: unavailable, when two ranks have
// one GPU and nobody asked for that (by `share_gpu`, or NCCL_MULTI_RANK_GPU_ENABLE=1).
void require_own_gpus(Communicator const& world, bool share_gpu);

// Collective: all ranks. Where rows lie on the named device: "cpu", or "cuda", which selects this rank's GPU.
// Throws on all ranks: usage, for another name; unavailable, without a GPU or where ranks share one.
MemoryKind select_memory(Communicator const& world, std::string const& device, bool share_gpu);

void declare_subject_options(CLI::App& app, SubjectRequest& request);

// The model's config.json. Throws: usage, for a name that leads nowhere, and for settings of synthetic models
// that a real one is given.
std::filesystem::path config_file_of(SubjectRequest const& request);

// Throws: usage, when the model is synthetic: its weights are random, and so is how well it predicts.
void refuse_perplexity_of_synthetic(SubjectRequest const& request);

// Collective: all ranks. Finds and loads, and sets the compute threads; the tokenizer only on request (logits
// need none). A synthetic model is said to be one, and uses the shipped tokenizer. Throws on all ranks:
// usage, for anything wrong with names or files.
enum class WithTokenizer { no, yes };
Subject load_subject(Communicator const& world, SubjectRequest const& request, WithTokenizer tokenizer);

// A text as tokens. Throws: usage.
struct TokenisedText {
    Text text;
    std::vector<std::int32_t> tokens;
};
TokenisedText tokenise(Subject const& subject, std::string const& dataset, Split split);

// The plain case of all routing and scoring: contiguous experts over all ranks, by the default transport.
class PlainParallel {
  public:
    // Collective: all ranks. Throws on all ranks: usage, for more ranks than experts.
    PlainParallel(Communicator const& world, Subject const& subject);
    ExpertParallel view() const { return {world_, *exchange_, assignment_, *experts_, "per_expert"}; }

  private:
    Communicator world_;
    std::unique_ptr<Exchange> exchange_;
    Assignment assignment_;
    std::shared_ptr<ExpertBank const> experts_;
};

// "a,b,c" as its parts; empty parts are dropped. Throws: usage, when nothing is left.
std::vector<std::string> split_list(std::string const& list, std::string const& what);

}  // namespace moewire
