#include "measure/flow_check.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "base/contract.hpp"
#include "base/random.hpp"

namespace moewire {
namespace {

using Word = std::uint64_t;
constexpr std::uint64_t piece_words = 1 << 16;  // pieces stay in a cache, whatever the size

Word base_of(RankId source, RankId destination, std::uint64_t seed) {
    auto const pair = (std::uint64_t{index_of(source)} << 32) | index_of(destination);
    return mix64(mix64(seed) ^ pair);
}

// Calls visit(first byte of the side, pattern, first byte of the flow) for each piece until it says false.
template <class Visit>
void for_each_piece(std::uint64_t flow_bytes, std::uint64_t flow_begin, Word base, Visit const& visit) {
    MOEWIRE_EXPECT(flow_bytes % sizeof(Word) == 0);
    std::vector<Word> pattern;
    for (std::uint64_t word = 0; word < flow_bytes / sizeof(Word); word += piece_words) {
        pattern.resize(std::min(piece_words, flow_bytes / sizeof(Word) - word));
        for (std::size_t i = 0; i < pattern.size(); ++i) pattern[i] = mix64(base + word + i);
        if (!visit(flow_begin + word * sizeof(Word), std::as_bytes(std::span<Word const>(pattern)),
                   word * sizeof(Word)))
            return;
    }
}

}  // namespace

void write_flows(Lane& lane, std::span<std::uint64_t const> bytes, RankId source, std::uint64_t seed) {
    std::uint64_t begin = 0;
    for (std::size_t peer = 0; peer < bytes.size(); begin += bytes[peer++]) {
        for_each_piece(bytes[peer], begin, base_of(source, make_id<RankId>(peer), seed),
                       [&](std::uint64_t at, std::span<std::byte const> rows, std::uint64_t) {
                           lane.write_send(at, rows);
                           return true;
                       });
    }
}

std::string check_flows(Lane& lane, std::span<std::uint64_t const> bytes, RankId destination,
                        std::uint64_t seed) {
    std::vector<std::byte> got;
    std::string problem;
    std::uint64_t begin = 0;
    for (std::size_t peer = 0; peer < bytes.size() && problem.empty(); begin += bytes[peer++]) {
        for_each_piece(
            bytes[peer], begin, base_of(make_id<RankId>(peer), destination, seed),
            [&](std::uint64_t at, std::span<std::byte const> expected, std::uint64_t in_flow) {
                got.resize(expected.size());
                lane.read_receive(at, got);
                auto const [wrong, right] = std::mismatch(got.begin(), got.end(), expected.begin());
                if (wrong == got.end()) return true;
                auto const byte = in_flow + static_cast<std::uint64_t>(wrong - got.begin());
                problem = fmt::format("byte {} of {} from rank {} to rank {} is {:#04x}, not {:#04x}", byte,
                                      bytes[peer], peer, index_of(destination), std::to_integer<int>(*wrong),
                                      std::to_integer<int>(*right));
                return false;
            });
    }
    return problem;
}

}  // namespace moewire
