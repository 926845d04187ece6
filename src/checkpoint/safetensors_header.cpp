#include "checkpoint/safetensors_header.hpp"

#include <array>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "base/json.hpp"

namespace moewire {
namespace {

enum class Place { outside, root, entry, shape, offsets, metadata };

std::string_view meaning_of(Place place) {
    switch (place) {
        case Place::outside:
        case Place::root:
            return "an object is needed here";
        case Place::entry:
            return "dtype is a string, shape and data_offsets are lists";
        case Place::shape:
            return "dimensions are whole numbers";
        case Place::offsets:
            return "offsets are whole numbers";
        case Place::metadata:
            return "metadata holds strings alone";
    }
    return "";
}

constexpr std::array<std::string_view, 3> field_names{"dtype", "shape", "data_offsets"};

// Receives the header value by value. The library's document would keep the last of repeated keys without a
// word, and would build whatever the file claims before anything could be checked.
class HeaderReader : public nlohmann::json_sax<Json> {
  public:
    explicit HeaderReader(std::string_view file) : file_(file) {}

    SafetensorsHeader take() { return std::move(header_); }

    bool null() override { refuse("null"); }
    bool boolean(bool /*value*/) override { refuse("a boolean"); }
    bool number_float(double /*value*/, std::string const& text) override { refuse(in_quotes(text)); }
    // Called for numbers with a minus sign only, zero among them.
    bool number_integer(std::int64_t /*value*/) override { refuse("a negative number"); }
    bool binary(Json::binary_t& /*value*/) override { refuse("binary data"); }
    bool number_unsigned(std::uint64_t value) override;
    bool string(std::string& value) override;
    bool start_object(std::size_t /*elements*/) override;
    bool key(std::string& value) override;
    bool end_object() override;
    bool start_array(std::size_t /*elements*/) override;
    bool end_array() override;
    bool parse_error(std::size_t position, std::string const& token,
                     nlohmann::detail::exception const& problem) override {
        constexpr int number_overflow = 406;
        if (problem.id == number_overflow) refuse(in_quotes(token));
        throw bad(fmt::format("the header is not JSON (byte {}{})", position,
                              place_ == Place::outside ? "" : ", at or behind " + around()),
                  "bad syntax, or not UTF-8");
    }

  private:
    Error bad(std::string_view problem, std::string_view why) const {
        return bad_safetensors(file_, problem, why);
    }
    Error bad_tensor(std::string_view problem, std::string_view why) const {
        return bad(fmt::format("tensor {} has {}", in_quotes(tensor_.name), problem), why);
    }
    [[noreturn]] void refuse(std::string_view what) const;
    std::string around() const;
    void begin_tensor();
    void begin_field();
    void end_tensor();

    std::string_view file_;
    SafetensorsHeader header_;
    Place place_ = Place::outside;
    std::string key_;  // the last one read
    std::unordered_set<std::string> names_;
    TensorInfo tensor_;  // the one being read, with its fields and offsets
    std::array<bool, field_names.size()> seen_{};
    std::vector<std::uint64_t> offsets_;
};

void HeaderReader::refuse(std::string_view what) const {
    std::string_view const why = meaning_of(place_);
    if (place_ == Place::outside) throw bad(fmt::format("the header is {}", what), why);
    if (place_ == Place::root) throw bad(fmt::format("the entry of {} is {}", in_quotes(key_), what), why);
    if (place_ == Place::metadata) throw bad(fmt::format("metadata {} is {}", in_quotes(key_), what), why);
    throw bad_tensor(fmt::format("{} {} its {}", what, place_ == Place::entry ? "as" : "in", key_), why);
}

// What is being read, as far as is known.
std::string HeaderReader::around() const {
    bool const in_tensor = place_ == Place::entry || place_ == Place::shape || place_ == Place::offsets;
    if (in_tensor) return "tensor " + in_quotes(tensor_.name);
    return (place_ == Place::metadata ? "metadata " : "") + in_quotes(key_);
}

bool HeaderReader::number_unsigned(std::uint64_t value) {
    if (place_ == Place::shape) {
        if (value > most_dimension)
            throw bad_tensor(fmt::format("a dimension of {}", value), "more than 2^53");
        if (tensor_.shape.size() == most_dimensions) {
            throw bad_tensor(fmt::format("more than {} dimensions", most_dimensions), "no model has as many");
        }
        tensor_.shape.push_back(static_cast<std::int64_t>(value));
    } else if (place_ == Place::offsets) {
        if (offsets_.size() == 2) throw bad_tensor("more than 2 data_offsets", "begin and end are two");
        offsets_.push_back(value);
    } else {
        refuse(fmt::format("the number {}", value));
    }
    return true;
}

bool HeaderReader::string(std::string& value) {
    if (place_ == Place::metadata) {
        if (header_.metadata.emplace(key_, std::move(value)).second) return true;
        throw bad(fmt::format("metadata {} appears twice", in_quotes(key_)), "only one can be meant");
    }
    if (place_ != Place::entry || key_ != "dtype") refuse("a string");
    auto const dtype = dtype_of(value);
    if (!dtype) throw bad_tensor(fmt::format("dtype {}", in_quotes(value)), "the format knows no such type");
    tensor_.dtype = *dtype;
    return true;
}

bool HeaderReader::start_object(std::size_t /*elements*/) {
    if (place_ == Place::outside) {
        place_ = Place::root;
    } else if (place_ == Place::root && key_ == "__metadata__") {
        place_ = Place::metadata;
    } else if (place_ == Place::root) {
        place_ = Place::entry;
        begin_tensor();
    } else {
        refuse("an object");
    }
    return true;
}

bool HeaderReader::key(std::string& value) {
    key_ = std::move(value);
    if (place_ == Place::entry) begin_field();
    if (place_ == Place::root && !names_.insert(key_).second) {
        throw bad(fmt::format("key {} appears twice", in_quotes(key_)), "only one can be meant");
    }
    return true;
}

bool HeaderReader::end_object() {
    if (place_ == Place::entry) end_tensor();
    place_ = place_ == Place::root ? Place::outside : Place::root;
    return true;
}

bool HeaderReader::start_array(std::size_t /*elements*/) {
    if (place_ != Place::entry || key_ == "dtype") refuse("a list");
    place_ = key_ == "shape" ? Place::shape : Place::offsets;
    return true;
}

bool HeaderReader::end_array() {
    if (place_ == Place::offsets && offsets_.size() != 2) {
        throw bad_tensor(fmt::format("{} data_offsets", offsets_.size()), "begin and end are two");
    }
    place_ = Place::entry;
    return true;
}

void HeaderReader::begin_tensor() {
    tensor_ = TensorInfo{};
    tensor_.name = key_;
    offsets_.clear();
    seen_.fill(false);
    if (key_.empty()) throw bad("a tensor has no name", "it could not be asked for");
    if (key_.size() > most_name_bytes) {
        throw bad_tensor(fmt::format("a name of {} bytes", key_.size()),
                         fmt::format("at most {} are taken", most_name_bytes));
    }
    if (header_.tensors.size() == most_tensors) {
        throw bad(fmt::format("there are more than {} tensors", most_tensors), "no model has as many");
    }
}

void HeaderReader::begin_field() {
    for (std::size_t i = 0; i < field_names.size(); ++i) {
        if (key_ != field_names[i]) continue;
        if (std::exchange(seen_[i], true)) {
            throw bad_tensor(fmt::format("two fields {}", key_), "only one can be meant");
        }
        return;
    }
    throw bad_tensor(fmt::format("a field {}", in_quotes(key_)), "the format knows no such field");
}

void HeaderReader::end_tensor() {
    for (std::size_t i = 0; i < field_names.size(); ++i) {
        if (!seen_[i]) throw bad_tensor(fmt::format("no {}", field_names[i]), "all three fields are needed");
    }
    tensor_.begin_bytes = offsets_[0];
    tensor_.end_bytes = offsets_[1];
    header_.tensors.push_back(std::move(tensor_));
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view header, std::string_view file) {
    if (!header.starts_with('{')) {
        throw bad_safetensors(file, "the header does not begin with '{'", "this is no safetensors file");
    }
    // The library takes a zero byte for the end of the text and would ignore what follows it.
    if (auto const zero = header.find('\0'); zero != std::string_view::npos) {
        throw bad_safetensors(file, fmt::format("the header is not JSON (byte {})", zero), "a zero byte");
    }
    HeaderReader reader(file);
    Json::sax_parse(header.begin(), header.end(), &reader);
    return reader.take();
}

Error bad_safetensors(std::string_view file, std::string_view problem, std::string_view why) {
    return input_error(
        "checkpoint", fmt::format("{}: {} ({}); fetch the file again, or write it with a current safetensors",
                                  file, problem, why));
}

}  // namespace moewire
