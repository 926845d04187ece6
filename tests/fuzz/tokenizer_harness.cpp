#include <array>
#include <limits>
#include <vector>

#include "fuzz/judge.hpp"
#include "text/tokenizer.hpp"
#include "text/utf8.hpp"

namespace moewire::fuzz {
namespace {

using Ids = std::vector<std::int32_t>;

void check_decoded(Tokenizer const& tokenizer, Ids const& ids) {
    for (auto const special : {DecodeSpecial::keep, DecodeSpecial::skip}) {
        demand(first_ill_formed(tokenizer.decode(ids, special)) == std::string::npos,
               "what is decoded is no UTF-8");
    }
}

void check_text(Tokenizer const& tokenizer, std::string_view text) {
    auto const ids = tokenizer.encode(text);
    for (auto const id : ids) demand(id >= 0, "an id is negative");
    demand(tokenizer.encode(text) == ids, "one text has two encodings");
    check_decoded(tokenizer, ids);
    demand(tokenizer.encode(text, SpecialTokens::from_template).size() >= ids.size(),
           "the template took tokens away");
}

}  // namespace

Verdict run_tokenizer(std::string_view bytes) {
    static MemoryFolder folder;
    auto const zero = std::min(bytes.find('\0'), bytes.size());
    auto const text = bytes.substr(std::min(zero + 1, bytes.size()));
    folder.put("tokenizer.json", bytes.substr(0, zero));
    auto const path = folder.path() / "tokenizer.json";
    return judge(path, [&] {
        auto const tokenizer = Tokenizer::from_file(path);
        std::string const run(60, 'a');
        std::array<std::string_view, 6> const texts{text,
                                                    run,
                                                    "The quick <s>brown</s> fox's 1234 jumps,  over\n\t!!",
                                                    "\xE2\x96\x81 \xC3\xA9\xCC\x81",
                                                    "\xF0\x9F\x99\x82\xEF\xB7\xBA\xC4\xB0",
                                                    "\xFF\xE2\x82(\xED\xA0\x80"};
        for (auto const one : texts) check_text(tokenizer, one);
        auto const size = tokenizer.vocabulary_size();
        demand(size >= 0, "the vocabulary is negative");
        Ids any{-1,
                0,
                1,
                2,
                3,
                size - 1,
                size,
                std::numeric_limits<std::int32_t>::max(),
                std::numeric_limits<std::int32_t>::min()};
        for (std::int32_t id = 0; id < 300; ++id) any.push_back(id);
        check_decoded(tokenizer, any);
    });
}

}  // namespace moewire::fuzz
