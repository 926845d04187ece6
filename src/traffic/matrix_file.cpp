#include "traffic/matrix_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/contract.hpp"
#include "base/error.hpp"
#include "base/file.hpp"
#include "base/json.hpp"

namespace moewire {
namespace {

constexpr std::string_view white_space = " \t\n\v\f\r";

class Reader {
  public:
    Reader(std::string_view name, double scale) : name_(name), scale_(scale) {}

    ByteMatrix read(std::string_view text) {
        while (!text.empty()) {
            auto const end = std::min(text.find('\n'), text.size());
            read_row(text.substr(0, end));
            text.remove_prefix(std::min(end + 1, text.size()));
        }
        if (rows_ == 0)
            throw wrong("holds no number (an exchange has one rank at least); write a row a rank");
        if (rows_ != columns_) {
            throw wrong(
                fmt::format("has {} rows of {} values (a row and a column a rank are needed; is it cut "
                            "short?); make it square",
                            rows_, columns_));
        }
        return {{rows_, columns_}, std::move(values_)};
    }

  private:
    Error wrong(std::string const& what) const {
        return input_error("matrix", fmt::format("{} {}", name_, what));
    }

    void read_row(std::string_view line) {
        std::size_t count = 0;
        while (auto const word = next_word(line)) {
            values_.push_back(value_of(*word, count));
            if (++count > most_matrix_ranks) {
                throw wrong(
                    fmt::format("has a row of more than {0} values (a value a rank); use at most {0} ranks",
                                most_matrix_ranks));
            }
        }
        if (count == 0) return;
        if (rows_ == 0) columns_ = count;
        if (count != columns_) {
            throw wrong(
                fmt::format("has {} values in row {} and {} in row 0 (rows must be equal; is it cut "
                            "short?); give every row a value a rank",
                            count, rows_, columns_));
        }
        // Square at best: further rows need not be read.
        if (++rows_ > columns_)
            throw wrong(fmt::format(
                "has more than {0} rows of {0} values (it must be square); drop the others", columns_));
    }

    static std::optional<std::string_view> next_word(std::string_view& line) {
        auto const begin = line.find_first_not_of(white_space);
        if (begin == std::string_view::npos) return std::nullopt;
        line.remove_prefix(begin);
        auto const word = line.substr(0, line.find_first_of(white_space));
        line.remove_prefix(word.size());
        return word;
    }

    std::uint64_t value_of(std::string_view word, std::size_t column) const {
        std::string const text(word);
        char* end = nullptr;
        errno = 0;
        double const value = std::strtod(text.c_str(), &end);
        auto const refuse = [&](std::string_view why, std::string_view remedy) {
            return wrong(fmt::format("holds {} in row {}, column {} ({}); {}", in_quotes(word), rows_, column,
                                     why, remedy));
        };
        bool const is_number = end == text.c_str() + text.size() && !std::isnan(value);
        if (!is_number || (errno == ERANGE && value < 1))
            throw refuse("the format knows numbers alone, comments neither", "write bytes there");
        if (value < 0) throw refuse("nobody sends fewer than 0 bytes", "write 0 or more");
        if (value * scale_ > static_cast<double>(most_pair_bytes))
            throw refuse("more than 1 PiB for one pair of ranks", "write bytes, or scale less");
        return static_cast<std::uint64_t>(value * scale_) & ~(matrix_step_bytes - 1);
    }

    std::string name_;
    double scale_;
    std::size_t rows_ = 0, columns_ = 0;
    std::vector<std::uint64_t> values_;
};

}  // namespace

ByteMatrix parse_matrix(std::string_view text, std::string_view name, double scale) {
    if (!(scale > 0) || !std::isfinite(scale)) {
        throw input_error("matrix", fmt::format("{} scaled by {} (nothing or nonsense would be left); use a "
                                                "positive factor",
                                                name, scale));
    }
    return Reader(name, scale).read(text);
}

ByteMatrix read_matrix(std::filesystem::path const& path, double scale) {
    return parse_matrix(read_file(path), path.string(), scale);
}

std::string matrix_text(ByteMatrix const& bytes) {
    MOEWIRE_EXPECT(bytes.extent(0) == bytes.extent(1));
    std::string text;
    for (std::size_t source = 0; source < bytes.extent(0); ++source)
        text += fmt::format("{}\n", fmt::join(bytes.row(source), " "));
    return text;
}

void write_matrix(std::filesystem::path const& path, ByteMatrix const& bytes) {
    write_file(path, matrix_text(bytes));
}

std::uint64_t busiest_rank_bytes(ByteMatrix const& bytes) {
    std::uint64_t most = 0;
    for (std::size_t rank = 0; rank < bytes.extent(0); ++rank) {
        std::uint64_t sent = 0, received = 0;
        for (std::size_t peer = 0; peer < bytes.extent(0); ++peer) {
            sent += bytes(rank, peer);
            received += bytes(peer, rank);
        }
        most = std::max({most, sent, received});
    }
    return most;
}

}  // namespace moewire
