#include "cell/runtime/tree_bytes.h"

#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

namespace causeway::runtime {
namespace {

namespace fs = std::filesystem;

class TreeBytes : public testing::Test {
 protected:
  ~TreeBytes() override { fs::remove_all(top_); }
  void write(const std::string& path, size_t bytes) {
    fs::create_directories((top_ / path).parent_path());
    std::ofstream(top_ / path) << std::string(bytes, 'x');
  }
  int64_t measured() {
    const Result<int64_t> bytes = tree_bytes(folder());
    EXPECT_TRUE(bytes.has_value()) << to_string(bytes.error());
    return bytes.value_or(-1);
  }
  std::string folder() const { return (top_ / "tree").string(); }
  static fs::path make_folder() {
    std::string name = (fs::temp_directory_path() / "causeway_tree.XXXXXX").string();
    return ::mkdtemp(name.data());
  }
  const fs::path top_ = make_folder();
};

TEST_F(TreeBytes, counts_what_is_written_and_no_longer_what_is_removed) {
  write("tree/a", 100'000);
  const int64_t before = measured();
  EXPECT_GE(before, 100'000);
  EXPECT_LT(before, 200'000);
  write("tree/deep/er/b", 300'000);
  EXPECT_GE(measured(), before + 300'000);
  fs::remove_all(top_ / "tree/deep");
  EXPECT_LT(measured(), before + 100'000);
}

TEST_F(TreeBytes, follows_no_link_and_counts_a_file_of_two_names_once) {
  write("tree/a", 100'000);
  write("elsewhere/big", 5'000'000);
  const int64_t before = measured();
  fs::create_symlink(top_ / "elsewhere", top_ / "tree/out");
  fs::create_hard_link(top_ / "tree/a", top_ / "tree/again");
  EXPECT_LT(measured(), before + 20'000);
}

TEST_F(TreeBytes, what_is_too_much_is_not_guessed_at) {
  for (int i = 0; i < 20; ++i) write("tree/" + std::to_string(i), 1);
  EXPECT_EQ(tree_bytes(folder(), {.entries_max = 10, .depth_max = 10}).error().fault, Fault::limit);
  write("tree/a/b/c/d", 1);
  EXPECT_EQ(tree_bytes(folder(), {.entries_max = 100, .depth_max = 3}).error().fault, Fault::limit);
  EXPECT_TRUE(tree_bytes(folder(), {.time_max = Duration::zero()}).has_value()) << "not looked at";
  for (int i = 0; i < 300; ++i) write("tree/many/" + std::to_string(i), 1);
  EXPECT_EQ(tree_bytes(folder(), {.time_max = Duration::zero()}).error().fault, Fault::limit);
  EXPECT_EQ(tree_bytes(folder() + "/absent").error().fault, Fault::not_found);
}

}  // namespace
}  // namespace causeway::runtime
