#include <memory>
#include <span>

#include "checkpoint/checkpoint.hpp"
#include "checkpoint/config.hpp"
#include "fuzz/judge.hpp"
#include "fuzz/packed.hpp"

namespace moewire::fuzz {
namespace {

void check_checkpoint(Checkpoint const& checkpoint) {
    std::uint64_t total_bytes = 0;
    for (auto const& name : checkpoint.names()) {
        demand(checkpoint.contains(name), "a listed tensor is not contained");
        auto const bytes = checkpoint.at(name).bytes();
        std::unique_ptr<std::byte[]> const out(new std::byte[bytes]);
        checkpoint.read(name, 0, std::span(out.get(), bytes));
        total_bytes += bytes;
    }
    demand(checkpoint.total_bytes() == total_bytes && checkpoint.bytes_read() == total_bytes,
           "the tensors' bytes do not add up");
    auto const verdict = judge(checkpoint.folder(), [&] { (void)checkpoint.at("no.such.weight"); });
    demand(verdict == Verdict::refused || checkpoint.contains("no.such.weight"),
           "an unknown tensor was found");
}

void check_config(ModelConfig const& config) {
    demand(config.vocab_size > 0 && config.hidden_size > 0 && config.intermediate_size > 0 &&
               config.layers > 0 && config.max_positions > 0,
           "a size is not above 0");
    demand(
        config.heads > 0 && config.kv_heads > 0 && config.heads % config.kv_heads == 0 && config.head_dim > 0,
        "the heads do not fit");
    demand(config.top_k > 0 && config.top_k <= config.experts, "more experts are chosen than there are");
    demand(config.norm_eps >= 0 && config.norm_eps < 1, "norm_eps is absurd");
    for (auto const id : config.eos_token_ids)
        demand(id >= 0 && id < config.vocab_size, "an id lies outside the vocabulary");
}

}  // namespace

Verdict run_index(std::string_view bytes) {
    static MemoryFolder folder;
    auto const files = unpack(bytes);
    for (auto const* name : packed_names) {
        if (auto const file = files.find(name); file != files.end())
            folder.put(name, file->second);
        else
            folder.remove(name);
    }
    return judge(folder.path(), [&] { check_checkpoint(Checkpoint::open(folder.path())); });
}

Verdict run_config(std::string_view bytes) {
    static MemoryFolder folder;
    folder.put("config.json", bytes);
    return judge(folder.path() / "config.json", [&] { check_config(read_config(folder.path())); });
}

}  // namespace moewire::fuzz
