#include "base/registry.hpp"

#include <gtest/gtest.h>

namespace moewire {
namespace {

struct Fruit {
    static constexpr char const* catalogue = "tests/fruits";
    int weight = 0;
};
struct Twin {
    static constexpr char const* catalogue = "tests/twins";
};

TEST(Registry, SortsNamesAndFindsThem) {
    register_in<Fruit>("pear", "A pear.", {2});
    register_in<Fruit>("apple", "An apple.", {1});
    auto const& all = Registry<Fruit>::instance().entries();
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[0].name, "apple");
    EXPECT_EQ(Registry<Fruit>::instance().at("pear").value.weight, 2);
    EXPECT_NE(all[0].file.find("registry_test.cpp"), std::string::npos);
}

TEST(Registry, UnknownNameListsTheValidOnes) {
    try {
        Registry<Fruit>::instance().at("plum");
        FAIL() << "no error for an unknown name";
    } catch (Error const& error) {
        EXPECT_EQ(error.exit_code(), 2);
        EXPECT_NE(std::string(error.what()).find("apple, pear"), std::string::npos) << error.what();
    }
}

TEST(Registry, DuplicateNamesBothFiles) {
    register_in<Twin>("a", "First.", {});
    register_in<Twin>("a", "Second.", {});
    EXPECT_THROW(Registry<Twin>::instance().entries(), Error);
}

}  // namespace
}  // namespace moewire
