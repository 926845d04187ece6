#include "report/page_text.hpp"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

namespace moewire {
namespace {

struct Topic {
    char const* title;
    std::vector<std::string_view> names;
    bool is_open;
};
std::vector<Topic> const& topics() {
    static std::vector<Topic> const all{
        {"Fastest placement", {"fastest"}, true},
        {"What it costs", {"cost", "payload"}, true},
        {"Who binds", {"binding", "late"}, false},
        {"What imbalance costs", {"slope"}, false},
        {"How well it was predicted", {"prediction"}, true},
        {"Noise, chance and bounds", {"twin", "spread", "bound"}, false},
    };
    return all;
}

std::string list_of(std::vector<Sentence const*> const& sentences) {
    std::string text = "<ul>\n";
    for (auto const* s : sentences) text += "<li>" + html_sentence(s->text) + "</li>\n";
    return text + "</ul>\n";
}

std::string folded(std::string_view title, std::vector<Sentence const*> const& sentences, bool is_open) {
    if (sentences.empty()) return "";
    return fmt::format(
        "<details{}><summary><h3>{}</h3> <span class=\"count\">{}</span></summary>\n{}</details>\n",
        is_open ? " open" : "", title, sentences.size(), list_of(sentences));
}

std::string answer_of(Run const& run) {
    if (run.groups.empty()) return "<p class=\"lead\">This trace holds no case: nothing was measured.</p>\n";
    std::string text;
    for (auto const& s : most_important(run)) text += "<p class=\"lead\">" + html_sentence(s.text) + "</p>\n";
    for (auto const& topic : topics()) {
        std::vector<Sentence const*> chosen;
        for (auto const& s : run.answers) {
            if (std::find(topic.names.begin(), topic.names.end(), s.topic) != topic.names.end())
                chosen.push_back(&s);
        }
        text += folded(topic.title, chosen, topic.is_open && chosen.size() <= 12);
    }
    std::vector<Sentence const*> unmeasured, limits;
    for (auto const& s : run.limits) (s.topic == "unmeasured" ? unmeasured : limits).push_back(&s);
    return text + folded("Waived, failed, not measured", unmeasured, unmeasured.size() <= 12) +
           folded("What these figures do not show", limits, true);
}

}  // namespace

std::string html_text(std::string_view text) {
    std::string safe;
    for (char const c : text) {
        switch (c) {
            case '<':
                safe += "&lt;";
                break;
            case '>':
                safe += "&gt;";
                break;
            case '&':
                safe += "&amp;";
                break;
            case '"':
                safe += "&quot;";
                break;
            case '\'':
                safe += "&#39;";
                break;
            default:
                safe += c;
        }
    }
    return safe;
}

std::string html_sentence(std::string const& text) {
    auto html = html_text(text);
    auto const mark = [&](std::string_view sign, std::string_view tag) {
        std::size_t at = 0;
        while ((at = html.find(sign, at)) != std::string::npos) {
            auto const end = html.find(sign, at + sign.size());
            if (end == std::string::npos) return;
            auto const inner = html.substr(at + sign.size(), end - at - sign.size());
            auto const marked = fmt::format("<{0}>{1}</{0}>", tag, inner);
            html.replace(at, end + sign.size() - at, marked);
            at += marked.size();
        }
    };
    // A number and its unit stay on one line.
    for (std::size_t at = 0; (at = html.find(" %", at)) != std::string::npos; at += 7)
        html.replace(at, 1, "&nbsp;");
    // The figures' sign for a millionth.
    for (std::size_t at = 0; (at = html.find(" us", at)) != std::string::npos; ++at) {
        auto const is = [&](std::size_t place, int (*kind)(int)) {
            return place < html.size() && kind(static_cast<unsigned char>(html[place])) != 0;
        };
        if (at > 0 && is(at - 1, std::isdigit) && !is(at + 3, std::isalnum)) html.replace(at, 3, "&nbsp;µs");
    }
    mark("**", "strong");
    mark("`", "code");
    return html;
}

std::string sentences_of_page(Findings const& findings) {
    std::string text;
    if (!findings.baseline.empty())
        text += fmt::format("<p class=\"lead\">Against {}: {}.</p>\n", html_text(findings.baseline_name),
                            html_text(say_changes(findings.baseline)));
    for (auto const& run : findings.runs) {
        text += fmt::format("<section class=\"run\">\n<h2>What {} found</h2>\n{}</section>\n",
                            html_text(run.name), answer_of(run));
    }
    return text;
}

}  // namespace moewire
