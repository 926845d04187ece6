// What may come of hostile bytes? The harnesses, one for each kind of file that others write: fuzzers call
// them (tests/fuzz/run.sh), and replay_test.cpp calls them with every input of tests/fuzz/corpus.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace moewire::fuzz {

enum class Verdict { accepted, refused };

// A harness reads the bytes as its kind of file and uses what they say to the end. It returns only where the
// bytes were accepted, or refused as a user may expect (see Judge); anything else ends the process.
struct Harness {
    std::string_view name;
    Verdict (*run)(std::string_view bytes);
    std::string (*mutate)(std::string_view bytes, std::uint64_t seed);  // hostile, yet past the first check
};

Verdict run_safetensors(std::string_view bytes);  // one file
Verdict run_index(std::string_view bytes);        // an index and shards, packed (see packed.hpp)
Verdict run_config(std::string_view bytes);       // config.json
Verdict run_tokenizer(std::string_view bytes);    // tokenizer.json; behind a zero byte a text to encode
Verdict run_matrix(std::string_view bytes);       // a byte matrix of nccl-tests

std::string mutate_safetensors(std::string_view bytes, std::uint64_t seed);
std::string mutate_index(std::string_view bytes, std::uint64_t seed);
std::string mutate_config(std::string_view bytes, std::uint64_t seed);
std::string mutate_tokenizer(std::string_view bytes, std::uint64_t seed);
std::string mutate_matrix(std::string_view bytes, std::uint64_t seed);

std::span<Harness const> harnesses();

}  // namespace moewire::fuzz
