// How is a text cut and scored, so that its perplexity can be compared? Protocols by name. The interface of
// protocols/.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/registry.hpp"
#include "text/tokenizer.hpp"
#include "text/windows.hpp"

namespace moewire {

// Where the tokenizer's own beginning of a text (BOS) goes. A tokenizer that has none adds none.
enum class BosRule {
    none,
    text,   // before the text, as encoding it does
    window  // before the text, and in place of the first token of every window
};

// A window, and the position in it of its first target.
struct WindowPlace {
    std::int64_t begin = 0;  // in the text's tokens
    std::int64_t length = 0;
    std::int64_t first_target = 1;

    friend bool operator==(WindowPlace const&, WindowPlace const&) = default;
};

// All are at least 1; a window fits the text, a stride fits the window.
struct PlacesRequest {
    std::int64_t text_tokens = 0, window_tokens = 0, stride_tokens = 0;
    std::int64_t max_windows = 0;  // the first ones
};

// A file in protocols/.
struct Protocol {
    static constexpr char const* catalogue = "text/protocols";
    // In the text's order; no token is the target of two windows.
    std::function<std::vector<WindowPlace>(PlacesRequest const&)> places;
    std::int64_t window_tokens = 0;        // unless another length is asked for
    std::int64_t least_window_tokens = 2;  // for one target
    enum class Stride { none, asked } stride = Stride::none;
    BosRule bos = BosRule::none;
};

struct CutOptions {
    std::string protocol = "disjoint";  // "-" and "." stand for "_": hf-stride, llama.cpp
    std::int64_t window_tokens = 0;     // 0: the protocol's own
    std::int64_t stride_tokens = 0;     // 0: half a window
    std::int64_t max_windows = 0;       // 0: all
    std::string bos = "protocol";       // or none, text, window
};

// A text, cut: what is scored, and all that must be equal for two runs to be compared.
struct CutText {
    std::string protocol;
    std::int64_t window_tokens = 0;
    std::int64_t stride_tokens = 0;  // 0: the protocol has none
    std::string bos;                 // the rule in words: "none", "<s> before the text", ...
    std::int64_t text_tokens = 0;    // of the whole text, without BOS
    std::vector<Windows> groups;     // windows of one shape each, in the text's order

    // Of the text that the targets stand for: see target_text.hpp.
    std::int64_t target_bytes = 0, target_words = 0;

    std::int64_t windows() const;
    std::int64_t targets() const;
    std::vector<std::int64_t> targets_of_window() const;
    std::string digest() const;  // equal digests: the same tokens in the same windows, scored alike
};

// Throws: usage, for unknown names (the message lists the valid ones), a window that is too short or longer
// than the text, a stride longer than the window, or a stride where the protocol has none.
CutText cut_text(Tokenizer const& tokenizer, std::string_view text, CutOptions const& options);

// "disjoint, hf_stride, llama_cpp".
std::string protocol_names();

}  // namespace moewire
