// How do sentences stand on a page? Escaped, by topic, readable without any script.
#pragma once

#include <string>

#include "report/findings.hpp"

namespace moewire {

// A text as HTML shows it: <, >, & and quotes escaped.
std::string html_text(std::string_view text);

// A sentence with its **strong** and `code` marks; everything else escaped.
std::string html_sentence(std::string const& text);

// The answer: of each run the three most important sentences, then all by topic, then what they do not show.
std::string sentences_of_page(Findings const& findings);

}  // namespace moewire
