#include "text/regex.hpp"

#include <algorithm>
#include <array>
#include <ctime>

#include <fmt/format.h>
#include <pcre2.h>

#include "base/error.hpp"
#include "base/json.hpp"

namespace moewire {
namespace {

// PCRE2's own \s takes U+180E too, and its \w leaves marks and connectors out.
constexpr char const* space_class =
    R"(\x{09}-\x{0d}\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})";
constexpr char const* word_class = R"(\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{24b6}-\x{24e9})";

constexpr std::size_t most_pattern_bytes = 1 << 16;
constexpr std::size_t jit_stack_bytes = std::size_t{8} << 20;
constexpr std::uint32_t heap_limit_kib = 256 << 10;  // where there is no just-in-time compiler

// A sound pattern takes a few steps for each byte that it matches; a bad one takes more at every place of the
// text, or absurdly many at one. Time is of the processor, so that a busy machine refuses nothing.
constexpr std::size_t first_window_bytes = 256;  // places that one call tries, between two looks at the time
std::uint32_t most_steps(std::size_t text_bytes) {
    return static_cast<std::uint32_t>(std::min<std::size_t>(10'000 + 64 * text_bytes, 50'000'000));
}
double most_cpu_s(std::size_t text_bytes) {
    return 2.0 + 2e-6 * static_cast<double>(text_bytes);
}

double cpu_s() {
    std::timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// Walks over an Oniguruma pattern and writes PCRE2's.
class Translator {
  public:
    Translator(std::string_view pattern, std::string_view where) : pattern_(pattern), where_(where) {}

    std::string translate() {
        while (at_ < pattern_.size()) {
            char const c = pattern_[at_];
            if (c == '\\')
                escape();
            else if (c == '[')
                open_class();
            else if (c == ']' && depth_ > 0)
                copy(), --depth_;
            else if (c == '(' && depth_ == 0)
                group();
            else if (c == '}' && depth_ == 0)
                interval_end();
            else
                copy();
        }
        return std::move(out_);
    }

  private:
    void copy() { out_ += pattern_[at_++]; }

    Error refused(std::string_view what) const {
        return input_error(
            "tokenizer",
            fmt::format("{}: pattern {} uses {} (it means something else here); no tokenizer of a "
                        "supported model needs it",
                        where_, in_quotes(pattern_), what));
    }

    void escape() {
        if (at_ + 1 >= pattern_.size()) throw refused("a lone backslash");
        char const c = pattern_[at_ + 1];
        if (c == 's' || c == 'w') {
            auto const* const members = c == 's' ? space_class : word_class;
            out_ += depth_ > 0 ? std::string(members) : fmt::format("[{}]", members);
        } else if ((c == 'S' || c == 'W') && depth_ == 0) {
            out_ += fmt::format("[^{}]", c == 'S' ? space_class : word_class);
        } else if (c == 'W') {
            throw refused("\\W in a class");
        } else if (c == 'h' || c == 'H' || c == 'X' || c == 'K' || c == 'O' || c == 'N' || c == 'y' ||
                   c == 'Y') {
            throw refused(fmt::format("\\{}", c));
        } else {
            // \p{L}, \x{e9}: the braces belong to the escape and are no interval.
            auto const end =
                pattern_.substr(at_ + 2).starts_with('{') ? pattern_.find('}', at_) : std::string_view::npos;
            auto const bytes = end == std::string_view::npos ? 2 : end + 1 - at_;
            out_ += pattern_.substr(at_, bytes);
            at_ += bytes;
            return;
        }
        at_ += 2;
    }

    void open_class() {
        if (depth_ > 0) {
            if (pattern_.substr(at_, 2) != "[:") throw refused("a class within a class");
            auto const end = pattern_.find(":]", at_);
            if (end == std::string_view::npos) throw refused("an open [: class");
            out_ += pattern_.substr(at_, end + 2 - at_);
            at_ = end + 2;
            return;
        }
        ++depth_;
        copy();
        if (at_ < pattern_.size() && pattern_[at_] == '^') copy();
        if (at_ < pattern_.size() && pattern_[at_] == ']') out_ += '\\', copy();
        if (pattern_.find("&&", at_) < pattern_.find(']', at_)) throw refused("&& in a class");
    }

    void group() {
        auto const rest = pattern_.substr(at_);
        if (rest.starts_with("(?") && rest.size() > 2 &&
            std::string_view("ixmsWDSPy-").find(rest[2]) != std::string_view::npos &&
            !rest.starts_with("(?i:") && !rest.starts_with("(?i)")) {
            throw refused("an inline option other than (?i:");
        }
        copy();
    }

    void interval_end() {
        copy();
        if (at_ < pattern_.size() && pattern_[at_] == '+') throw refused("an interval followed by +");
    }

    std::string_view pattern_, where_;
    std::size_t at_ = 0;
    int depth_ = 0;  // inside a class
    std::string out_;
};

std::string pcre_message(int code) {
    std::array<PCRE2_UCHAR, 200> text{};
    pcre2_get_error_message(code, text.data(), text.size());
    return reinterpret_cast<char const*>(text.data());
}

// What one match needs. One a thread: making it maps memory, and texts have millions of pieces.
struct MatchState {
    pcre2_match_data* data = pcre2_match_data_create(1, nullptr);  // the whole match is enough
    pcre2_match_context* context = pcre2_match_context_create(nullptr);
    pcre2_jit_stack* stack = pcre2_jit_stack_create(32 << 10, jit_stack_bytes, nullptr);

    MatchState() {
        pcre2_set_heap_limit(context, heap_limit_kib);
        pcre2_jit_stack_assign(context, nullptr, stack);
    }
    ~MatchState() {
        pcre2_match_data_free(data);
        pcre2_match_context_free(context);
        pcre2_jit_stack_free(stack);
    }
    MatchState(MatchState const&) = delete;
    MatchState& operator=(MatchState const&) = delete;

    static MatchState& of_this_thread() {
        thread_local MatchState state;
        return state;
    }
};

// Looks at the time now and then, and not at all for a few calls: a look costs as much as to match a word.
class Stopper {
  public:
    explicit Stopper(std::size_t text_bytes) : text_bytes_(text_bytes) {}

    // Before each match.
    bool is_over() { return ++calls_ % 16 == 0 && look(); }

    // The first look begins the time.
    bool look() {
        auto const now_s = cpu_s();
        if (begin_s_ < 0) begin_s_ = now_s;
        return now_s - begin_s_ > most_cpu_s(text_bytes_);
    }

  private:
    std::size_t text_bytes_;
    std::uint64_t calls_ = 0;
    double begin_s_ = -1;  // below 0: not begun
};

// The begin of the first character behind `at`.
std::size_t next_char(std::string_view text, std::size_t at) {
    ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
    return at;
}

}  // namespace

struct Regex::Code {
    pcre2_code* compiled = nullptr;
    ~Code() { pcre2_code_free(compiled); }
};

Regex::Regex(std::string const& pattern, std::string const& where) : where_(where) {
    if (pattern.size() > most_pattern_bytes) {
        throw input_error("tokenizer",
                          fmt::format("{}: pattern {} has {} bytes (at most {} are taken); repair the file",
                                      where, in_quotes(pattern), pattern.size(), most_pattern_bytes));
    }
    auto const translated = Translator(pattern, where).translate();
    int problem = 0;
    PCRE2_SIZE at = 0;
    auto code = std::make_shared<Code>();
    code->compiled = pcre2_compile(
        reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
        PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C | PCRE2_USE_OFFSET_LIMIT, &problem,
        &at, nullptr);
    if (code->compiled == nullptr) {
        throw input_error("tokenizer", fmt::format("{}: pattern {} does not compile ({}); repair the file",
                                                   where, in_quotes(pattern), pcre_message(problem)));
    }
    // Without a just-in-time compiler on this machine the interpreter runs: slower, the same result.
    pcre2_jit_compile(code->compiled, PCRE2_JIT_COMPLETE);
    code_ = std::move(code);
}

Regex Regex::literal(std::string const& text, std::string const& where) {
    if (text.empty()) {
        throw input_error(
            "tokenizer",
            fmt::format("{}: the pattern is empty (it would match everywhere); repair the file", where));
    }
    std::string escaped;
    for (char const c : text) {
        bool const plain =
            static_cast<unsigned char>(c) >= 0x80 || std::isalnum(static_cast<unsigned char>(c)) != 0;
        escaped += plain ? std::string(1, c) : fmt::format("\\x{{{:02x}}}", static_cast<unsigned char>(c));
    }
    return {escaped, where};
}

std::vector<Span> Regex::matches(std::string_view text) const {
    auto& state = MatchState::of_this_thread();
    pcre2_set_match_limit(state.context, most_steps(text.size()));
    std::vector<Span> found;
    Stopper stopper(text.size());
    std::size_t from = 0, last_end = std::string_view::npos, window_bytes = first_window_bytes;
    bool over = false;
    while (from <= text.size()) {
        if (over || stopper.is_over()) throw too_slow("more time than any tokenizer takes");
        auto const last_place = from + window_bytes;
        pcre2_set_offset_limit(state.context, last_place);
        int const count = pcre2_match(code_->compiled, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(),
                                      from, PCRE2_NO_UTF_CHECK, state.data, state.context);
        if (count == PCRE2_ERROR_NOMATCH) {
            from = next_char(text, last_place);
            over = from <= text.size() && stopper.look();
            window_bytes *= 2;
            continue;
        }
        if (count < 0) throw too_slow(pcre_message(count));
        auto const* const ends = pcre2_get_ovector_pointer(state.data);
        Span const match{ends[0], ends[1]};
        if (match.empty() && match.end == last_end) {
            from = next_char(text, from);
            continue;
        }
        found.push_back(match);
        window_bytes = first_window_bytes;
        from = last_end = match.end;
    }
    return found;
}

Error Regex::too_slow(std::string_view reason) const {
    return input_error("tokenizer",
                       fmt::format("{}: matching stopped ({}: the pattern needs too many steps on this "
                                   "text); use another tokenizer, or repair the pattern",
                                   where_, reason));
}

}  // namespace moewire
