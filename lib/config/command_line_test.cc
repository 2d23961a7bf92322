#include "config/command_line.h"

#include <vector>

#include <gtest/gtest.h>

namespace causeway::config {
namespace {

CommandLine read(std::vector<const char*> words) {
  words.insert(words.begin(), "service");
  return read_command_line(static_cast<int>(words.size()), words.data(), "service", "Serves.",
                           "1.2");
}

TEST(CommandLineTest, the_file_may_be_named_in_all_usual_ways) {
  for (const std::vector<const char*>& words :
       std::vector<std::vector<const char*>>{{"-config", "a.json"},
                                             {"-config=a.json"},
                                             {"--config", "a.json"},
                                             {"--config=a.json"},
                                             {"-c", "a.json"}}) {
    const CommandLine line = read(words);
    EXPECT_FALSE(line.exit_code) << words[0];
    EXPECT_EQ(line.config_path, "a.json") << words[0];
  }
}

TEST(CommandLineTest, help_and_version_end_well_and_mistakes_do_not) {
  EXPECT_EQ(read({"--help"}).exit_code, 0);
  EXPECT_EQ(read({"--version"}).exit_code, 0);
  EXPECT_EQ(read({}).exit_code, 1);
  EXPECT_EQ(read({"-config"}).exit_code, 1);
  EXPECT_EQ(read({"-config=a.json", "-other"}).exit_code, 1);
  EXPECT_EQ(read({"a.json"}).exit_code, 1);
}

}  // namespace
}  // namespace causeway::config
