#include <algorithm>
#include <queue>

#include "text/bpe.hpp"
#include "text/utf8.hpp"

namespace moewire {
namespace {

constexpr std::size_t longest_cached_symbols = 64;
constexpr std::size_t most_cached_words = 200'000;

// A merge that may be due: smallest rank first, leftmost among equals.
struct Due {
    std::int32_t rank;
    std::int32_t result;
    std::size_t at;
    bool operator>(Due const& other) const { return rank != other.rank ? rank > other.rank : at > other.at; }
};

// A symbol in the list of a word; `gone` when its left neighbour took it.
struct Node {
    std::int32_t id;
    std::ptrdiff_t previous, next;
    bool gone;
};

std::string key_of(std::vector<std::int32_t> const& symbols, std::size_t begin, std::size_t end) {
    return {reinterpret_cast<char const*>(symbols.data() + begin), (end - begin) * sizeof(std::int32_t)};
}

}  // namespace

// The vocabulary's symbols of single characters: known ones, else their bytes, else the unknown token, which
// is held back so that a run of it can become one (in the library's order: bytes overtake a waiting unknown).
std::vector<std::int32_t> Bpe::symbols_of(std::string_view word) const {
    std::vector<std::int32_t> symbols;
    symbols.reserve(word.size());
    bool unknown_waits = false;
    for (std::size_t at = 0; at < word.size();) {
        auto const byte = static_cast<unsigned char>(word[at]);
        auto const bytes = byte < 0x80 ? 1 : decode_char(word.substr(at)).bytes;
        auto const character = word.substr(at, bytes);
        auto const id = byte < 0x80 ? ascii_ids_[byte] : character_id(character);
        at += bytes;
        if (id >= 0) {
            if (unknown_waits) symbols.push_back(*unknown_id_);
            unknown_waits = false;
            symbols.push_back(id);
            continue;
        }
        auto const has_byte = [&](char b) { return byte_ids_[static_cast<unsigned char>(b)] >= 0; };
        if (byte_fallback_ && std::all_of(character.begin(), character.end(), has_byte)) {
            for (char const b : character) symbols.push_back(byte_ids_[static_cast<unsigned char>(b)]);
        } else if (unknown_id_) {
            if (unknown_waits && !fuse_unknown_) symbols.push_back(*unknown_id_);
            unknown_waits = true;
        }
    }
    if (unknown_waits) symbols.push_back(*unknown_id_);
    return symbols;
}

void Bpe::merge(std::vector<std::int32_t> const& symbols, std::size_t begin, std::size_t end,
                std::vector<std::int32_t>& ids) const {
    std::vector<Node> nodes;
    nodes.reserve(end - begin);
    std::vector<Due> first;
    auto const count = static_cast<std::ptrdiff_t>(end - begin);
    for (std::ptrdiff_t i = 0; i < count; ++i) {
        nodes.push_back(
            {symbols[begin + static_cast<std::size_t>(i)], i - 1, i + 1 < count ? i + 1 : -1, false});
    }
    auto const due_at = [&](std::ptrdiff_t at, auto&& use) {
        auto const& node = nodes[static_cast<std::size_t>(at)];
        auto const* const merge = merges_.find(node.id, nodes[static_cast<std::size_t>(node.next)].id);
        if (merge != nullptr) use(Due{merge->rank, merge->result, static_cast<std::size_t>(at)});
    };
    for (std::ptrdiff_t i = 0; i + 1 < count; ++i) due_at(i, [&](Due const& due) { first.push_back(due); });
    std::priority_queue<Due, std::vector<Due>, std::greater<>> queue(std::greater<>{}, std::move(first));
    while (!queue.empty()) {
        auto const due = queue.top();
        queue.pop();
        auto& node = nodes[due.at];
        if (node.gone || node.next < 0) continue;
        auto& right = nodes[static_cast<std::size_t>(node.next)];
        auto const* const merge = merges_.find(node.id, right.id);
        if (merge == nullptr || merge->result != due.result) continue;  // a neighbour changed since
        node.id = due.result;
        right.gone = true;
        node.next = right.next;
        if (node.next >= 0)
            nodes[static_cast<std::size_t>(node.next)].previous = static_cast<std::ptrdiff_t>(due.at);
        auto const push = [&](Due const& next) { queue.push(next); };
        if (node.previous >= 0) due_at(node.previous, push);
        if (node.next >= 0) due_at(static_cast<std::ptrdiff_t>(due.at), push);
    }
    for (auto const& node : nodes) {
        if (!node.gone) ids.push_back(node.id);
    }
}

void Bpe::encode(std::string_view word, Cache& cache, std::vector<std::int32_t>& ids) const {
    if (ignore_merges_) {
        if (auto const whole = ids_.find(std::string(word)); whole != ids_.end()) {
            ids.push_back(whole->second);
            return;
        }
    }
    auto const symbols = symbols_of(word);
    for (std::size_t begin = 0; begin < symbols.size();) {
        auto end = begin + 1;
        while (end < symbols.size() && may_join(symbols[end - 1], symbols[end])) ++end;
        if (end - begin == 1) {
            ids.push_back(symbols[begin]);
        } else if (end - begin > longest_cached_symbols) {
            merge(symbols, begin, end, ids);
        } else {
            auto const [entry, fresh] = cache.words_.try_emplace(key_of(symbols, begin, end));
            if (fresh) merge(symbols, begin, end, entry->second);
            ids.insert(ids.end(), entry->second.begin(), entry->second.end());
            if (cache.words_.size() > most_cached_words) cache.words_.clear();
        }
        begin = end;
    }
}

}  // namespace moewire
