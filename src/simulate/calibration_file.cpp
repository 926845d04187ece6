#include "simulate/calibration_file.hpp"

#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>

#include "base/digest.hpp"
#include "base/error.hpp"
#include "base/file.hpp"

namespace moewire {
namespace {

// What a file's numbers mean. Classes of bytes that MPI knows changed last with 5; those of NCCL did not.
std::int64_t format_version(bool is_of_nccl) {
    return is_of_nccl ? 4 : 5;
}

// Quoted as a TOML basic string.
std::string quoted(std::string const& text) {
    std::string out = "\"";
    for (char const c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
    return out + "\"";
}

// What NCCL's rules are computed from; nothing where MPI moves the bytes.
std::string rules_text(std::optional<NcclJob> const& job) {
    if (!job) return "";
    auto text = fmt::format(
        "\n[nccl]\nversion = {}\nranks = {}\nnodes = {}\nranks_per_node = {}\nlink = {}\nnvlinks = {}\n"
        "nics_per_rank = {}\nnic_bytes_per_s = {:.17e}\ncollective_channels = {}\n",
        job->version, job->ranks, job->nodes, job->ranks_per_node,
        quoted(job->link == NcclLink::nvlink ? "nvlink" : "pcie"), job->nvlinks, job->nics_per_rank,
        job->nic_bytes_per_s, job->collective_channels);
    if (job->channels_per_net_peer)
        text += fmt::format("channels_per_net_peer = {}\n", *job->channels_per_net_peer);
    return text;
}

std::string body_of(FrozenCalibration const& c) {
    auto const& m = c.model;
    std::string text = fmt::format("format = {}\ncreated_utc = {}\nprogram_version = {}\n\n[keys]\n",
                                   format_version(m.limits.nccl.has_value()), quoted(c.created_utc),
                                   quoted(c.program_version));
    for (auto const& [key, value] : c.keys) text += fmt::format("{} = {}\n", quoted(key), quoted(value));
    text += fmt::format(
        "\n[parameters]\nempty_s = {:.17e}\nfloor_s = {:.17e}\neager_message_s = "
        "{:.17e}\nrendezvous_message_s = {:.17e}\n"
        "channel_start_s = {:.17e}\nchannel_fill_s_per_byte = {:.17e}\nchannel_s_per_byte = {:.17e}\n"
        "credit_bytes = {:.17e}\nsharpness = {:.17e}\noverlap = {:.17e}\nwithin_node_eager_bytes = "
        "{}\nbetween_nodes_eager_bytes = "
        "{}\n",
        m.empty_s, m.floor_s, m.eager_message_s, m.rendezvous_message_s, m.channel_start_s,
        m.channel_fill_s_per_byte, m.channel_s_per_byte, m.credit_bytes, m.sharpness, m.overlap,
        m.limits.within_node_bytes, m.limits.between_nodes_bytes);
    text += rules_text(m.limits.nccl);
    text += "\n[rate_bytes_per_s]  # of the busiest of each class\n";
    for (auto const& [name, rate] : m.rate_bytes_per_s)
        text += fmt::format("{} = {:.17e}\n", quoted(name), rate);
    text += fmt::format("\n[hull]\nleast_bytes = {:.17e}\nmost_bytes = {:.17e}\nmost_messages = {:.17e}\n",
                        m.hull.least_bytes, m.hull.most_bytes, m.hull.most_messages);
    for (auto const& [regime, bands] : m.trust) {
        for (auto const& t : bands) {
            text += fmt::format(
                "\n[[regime]]\nname = {}\nprobes = {}\nspread = {}\nmost_bytes = {:.17e}\nlog_radius_50 = "
                "{:.17e}\nlog_radius_90 = {:.17e}\ntail_s = {:.17e}\ntail_ratio = {:.17e}\n",
                quoted(std::string(name_of(regime))), t.probes, quoted(std::string(name_of(t.spread))),
                t.most_bytes, t.log_radius_50, t.log_radius_90, t.tail_s, t.tail_ratio);
        }
    }
    for (auto const& p : c.grid) {
        text += fmt::format(
            "\n[[probe]]\nname = {}\nregime = {}\nspread = {}\nbusiest_bytes = {:.17e}\np50_s = "
            "{:.17e}\nfitted_s = "
            "{:.17e}\n",
            quoted(p.name), quoted(std::string(name_of(p.regime))), quoted(std::string(name_of(p.spread))),
            p.busiest_bytes, p.p50_s, p.fitted_s);
    }
    return text;
}

// Reads one table key by key; what nobody asked for is refused at the end.
class Reader {
  public:
    Reader(toml::table const* table, std::string name, std::string const& file)
        : table_(table), name_(std::move(name)), file_(file) {
        if (table_ == nullptr) throw wrong(name_, "is missing");
    }

    Error wrong(std::string const& key, std::string const& problem) const {
        return input_error(
            "calibration",
            fmt::format("{}: {} {} (nothing can be predicted from it); calibrate anew", file_, key, problem));
    }
    std::string text(std::string const& key) const {
        auto const value = (*table_)[key].value_exact<std::string>();
        if (!value) throw wrong(name_ + "." + key, "is missing, or no text");
        return *value;
    }
    // At least `least`, and finite.
    double number(std::string const& key, double least) const {
        auto const value = (*table_)[key].value<double>();
        if (!value) throw wrong(name_ + "." + key, "is missing, or no number");
        if (!std::isfinite(*value) || *value < least)
            throw wrong(name_ + "." + key, fmt::format("is {} (must be finite, {} or more)", *value, least));
        return *value;
    }
    double positive(std::string const& key) const {
        double const value = number(key, 0);
        if (value == 0) throw wrong(name_ + "." + key, "is 0 (must be above)");
        return value;
    }
    toml::table const& table() const { return *table_; }

  private:
    toml::table const* table_;
    std::string name_, file_;
};

std::vector<Reader> list_of(toml::table const& root, std::string const& name, std::string const& file) {
    std::vector<Reader> all;
    if (auto const* list = root[name].as_array()) {
        for (auto const& entry : *list) all.emplace_back(entry.as_table(), name, file);
    }
    return all;
}

std::optional<NcclJob> rules_of(toml::table const& root, std::string const& file) {
    if (root["nccl"].as_table() == nullptr) return std::nullopt;
    Reader const n(root["nccl"].as_table(), "nccl", file);
    auto const whole = [&](char const* key, double least) { return static_cast<int>(n.number(key, least)); };
    NcclJob job;
    job.version = whole("version", 0);
    job.ranks = whole("ranks", 1);
    job.nodes = whole("nodes", 1);
    job.ranks_per_node = whole("ranks_per_node", 1);
    auto const link = n.text("link");
    if (link != "nvlink" && link != "pcie") throw n.wrong("nccl.link", "is neither nvlink nor pcie");
    job.link = link == "nvlink" ? NcclLink::nvlink : NcclLink::pcie;
    job.nvlinks = whole("nvlinks", 0);
    job.nics_per_rank = whole("nics_per_rank", 0);
    job.nic_bytes_per_s = n.number("nic_bytes_per_s", 0);
    job.collective_channels = whole("collective_channels", 1);
    if (n.table().contains("channels_per_net_peer"))
        job.channels_per_net_peer = whole("channels_per_net_peer", 1);
    NcclRules const known(job);  // refuses versions whose rules are not known
    return job;
}

CalibratedModel model_of(toml::table const& root, std::string const& file) {
    CalibratedModel m;
    Reader const p(root["parameters"].as_table(), "parameters", file);
    m.empty_s = p.number("empty_s", 0);
    m.floor_s = p.number("floor_s", 0);
    m.eager_message_s = p.number("eager_message_s", 0);
    m.rendezvous_message_s = p.number("rendezvous_message_s", 0);
    m.channel_start_s = p.number("channel_start_s", 0);
    m.channel_fill_s_per_byte = p.number("channel_fill_s_per_byte", 0);
    m.channel_s_per_byte = p.number("channel_s_per_byte", 0);
    m.credit_bytes = p.number("credit_bytes", 0);
    m.sharpness = p.number("sharpness", 1);
    m.overlap = p.number("overlap", 1);
    m.limits.within_node_bytes = static_cast<std::int64_t>(p.number("within_node_eager_bytes", 0));
    m.limits.between_nodes_bytes = static_cast<std::int64_t>(p.number("between_nodes_eager_bytes", 0));
    m.limits.nccl = rules_of(root, file);
    Reader const rates(root["rate_bytes_per_s"].as_table(), "rate_bytes_per_s", file);
    for (auto const& [name, value] : rates.table())
        m.rate_bytes_per_s[std::string(name.str())] = rates.positive(std::string(name.str()));
    Reader const hull(root["hull"].as_table(), "hull", file);
    m.hull = {hull.number("least_bytes", 0), hull.positive("most_bytes"), hull.positive("most_messages")};
    for (auto const& r : list_of(root, "regime", file)) {
        auto& bands = m.trust[regime_of(r.text("name"))];
        bands.push_back({static_cast<std::size_t>(r.number("probes", 0)), spread_named(r.text("spread")),
                         r.number("most_bytes", 0), r.number("log_radius_50", 0),
                         r.number("log_radius_90", 0), r.number("tail_s", 0), r.number("tail_ratio", 0)});
    }
    if (m.trust.empty()) throw p.wrong("regime", "is missing");
    return m;
}

}  // namespace

std::string digest_of(FrozenCalibration const& calibration) {
    Digest digest;
    digest.update(body_of(calibration));
    return digest.hex();
}

std::string freeze(FrozenCalibration const& calibration) {
    return fmt::format("# A frozen calibration: not to be edited, its hash is checked.\ndigest = \"{}\"\n{}",
                       digest_of(calibration), body_of(calibration));
}

FrozenCalibration thaw(std::string const& text, std::string const& file) {
    toml::table root;
    try {
        root = toml::parse(text, file);
    } catch (toml::parse_error const& error) {
        throw input_error("calibration", fmt::format("{} line {}: {} (not valid TOML); calibrate anew", file,
                                                     error.source().begin.line, error.description()));
    }
    Reader const top(&root, "file", file);
    auto const expected = format_version(root["nccl"].as_table() != nullptr);
    if (top.number("format", 0) != static_cast<double>(expected))
        throw top.wrong("format", fmt::format("is not {}", expected));
    FrozenCalibration c;
    c.created_utc = top.text("created_utc");
    c.program_version = top.text("program_version");
    Reader const keys(root["keys"].as_table(), "keys", file);
    for (auto const& [key, value] : keys.table())
        c.keys[std::string(key.str())] = keys.text(std::string(key.str()));
    c.model = model_of(root, file);
    for (auto const& p : list_of(root, "probe", file)) {
        c.grid.push_back({p.text("name"), regime_of(p.text("regime")), spread_named(p.text("spread")),
                          p.number("busiest_bytes", 0), p.positive("p50_s"), p.positive("fitted_s")});
    }
    if (top.text("digest") != digest_of(c))
        throw input_error("calibration",
                          fmt::format("{}: its hash does not fit (somebody changed it after it was "
                                      "frozen); calibrate anew",
                                      file));
    return c;
}

FrozenCalibration read_calibration(std::filesystem::path const& file) {
    return thaw(read_file(file), file.string());
}

std::vector<std::string> differences(CalibrationKeys const& frozen, CalibrationKeys const& here) {
    std::vector<std::string> all;
    for (auto const& [key, value] : frozen) {
        auto const found = here.find(key);
        if (found == here.end())
            all.push_back(fmt::format("{} is not there, was {}", key, value));
        else if (found->second != value)
            all.push_back(fmt::format("{} is {}, was {}", key, found->second, value));
    }
    for (auto const& [key, value] : here) {
        if (!frozen.contains(key)) all.push_back(fmt::format("{} is {}, was not there", key, value));
    }
    return all;
}

void expect_same_keys(CalibrationKeys const& frozen, CalibrationKeys const& here, std::string const& file) {
    auto const all = differences(frozen, here);
    if (all.empty()) return;
    throw input_error("calibration",
                      fmt::format("{} was made elsewhere: {} (its times would not be those of this run); "
                                  "calibrate here",
                                  file, fmt::join(all, "; ")));
}

void expect_same_ways(CalibrationKeys const& frozen, CalibrationKeys const& here, std::string const& file) {
    auto const ways = [](CalibrationKeys const& keys) {
        CalibrationKeys some;
        for (auto const* name : {"transport", "launch", "cadence"})
            if (auto const found = keys.find(name); found != keys.end()) some.insert(*found);
        return some;
    };
    auto const all = differences(ways(frozen), ways(here));
    if (all.empty()) return;
    throw input_error("calibration",
                      fmt::format("{} is of other exchanges: {} (such times cannot be carried over); "
                                  "calibrate with the same transport, launch and cadence",
                                  file, fmt::join(all, "; ")));
}

}  // namespace moewire
