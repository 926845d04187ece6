// Which merge does a pair of symbols have? A flat hash table that is built once and only read afterwards.
#pragma once

#include <cstdint>
#include <vector>

#include "base/random.hpp"

namespace moewire {

struct Merge {
    std::int32_t rank = 0;    // smaller merges first
    std::int32_t result = 0;  // id of the merged token
};

// Open addressing with linear probing at half load: a look-up mostly touches one cache line, which the
// tokenizer's speed hangs on (the standard map takes several times as long).
class PairTable {
  public:
    explicit PairTable(std::size_t pairs) {
        std::size_t slots = 16;
        while (slots < 2 * pairs + 2) slots *= 2;
        entries_.resize(slots);
        mask_ = slots - 1;
    }

    // A pair that is there already gets the new value: the library's map does the same.
    void put(std::int32_t left, std::int32_t right, Merge const& merge) {
        auto& entry = entries_[slot_of(key_of(left, right))];
        entry = {key_of(left, right), merge};
    }

    Merge const* find(std::int32_t left, std::int32_t right) const {
        auto const key = key_of(left, right);
        auto const& entry = entries_[slot_of(key)];
        return entry.key == key ? &entry.merge : nullptr;
    }

  private:
    static constexpr std::uint64_t no_key = ~std::uint64_t{0};  // ids are not negative
    struct Entry {
        std::uint64_t key = no_key;
        Merge merge;
    };

    static std::uint64_t key_of(std::int32_t left, std::int32_t right) {
        return (static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32) |
               static_cast<std::uint32_t>(right);
    }

    // Where the key is, or where it would go.
    std::size_t slot_of(std::uint64_t key) const {
        auto slot = static_cast<std::size_t>(mix64(key)) & mask_;
        while (entries_[slot].key != key && entries_[slot].key != no_key) slot = (slot + 1) & mask_;
        return slot;
    }

    std::vector<Entry> entries_;
    std::size_t mask_ = 0;
};

}  // namespace moewire
