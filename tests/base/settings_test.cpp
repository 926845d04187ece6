#include "base/settings.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"

namespace moewire {
namespace {

std::vector<Setting> const declared{number_setting("factor", 1.25, 0.1, 10, "."),
                                    whole_setting("window", 4, 1, 9, "."),
                                    word_setting("drop", {"score", "position"}, ".")};

TEST(Spec, IsTakenApart) {
    auto const spec = parse_spec("policy:capacity:factor=1.5:drop=position");
    EXPECT_EQ(spec.family, "policy");
    EXPECT_EQ(spec.name, "capacity");
    EXPECT_EQ(label_of(spec), "capacity:drop=position:factor=1.5");
    EXPECT_EQ(parse_spec("random").family, "");
    EXPECT_EQ(label_of(parse_spec("placement:random")), "random");
    EXPECT_EQ(parse_spec("policy").name, "policy");  // a family alone is a name that no catalogue has
}

TEST(Spec, OtherFormsAreRefused) {
    for (auto const* text : {"a:b", "kind:random", "a:=1", "a:b=", "a:", "policy:a:b"}) {
        EXPECT_THROW(parse_spec(text), Error) << text;
    }
}

TEST(Settings, TakeWrittenValuesAndDefaults) {
    Settings const plain(declared, parse_spec("x")), set(declared, parse_spec("x:window=7:drop=position"));
    EXPECT_EQ(plain.number("factor"), 1.25);
    EXPECT_EQ(plain.word("drop"), "score");
    EXPECT_EQ(set.whole("window"), 7);
    EXPECT_EQ(set.word("drop"), "position");
    EXPECT_THROW(set.number("drop"), Error);
    EXPECT_THROW(set.word("absent"), Error);
    EXPECT_EQ(describe(declared), " [factor 1.25, window 4, drop score|position]");
}

TEST(Settings, NonsenseIsRefusedByName) {
    for (auto const* text : {"x:factor=11", "x:factor=nan", "x:factor=1e999", "x:factor=1x", "x:window=1.5",
                             "x:drop=both", "x:size=3", "x:window=1:window=2"}) {
        try {
            Settings const settings(declared, parse_spec(text));
            ADD_FAILURE() << text;
        } catch (Error const& error) {
            EXPECT_EQ(error.exit_code(), 2) << text;
        }
    }
}

}  // namespace
}  // namespace moewire
