#include "cell/image/images.h"

#include <stdlib.h>

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace causeway::image {
namespace {

TEST(PreloadedName, reads_the_scheme_and_refuses_others_clearly) {
  EXPECT_EQ(preloaded_name("preloaded:cflinuxfs4").value(), "cflinuxfs4");
  EXPECT_EQ(preloaded_name("docker:///busybox").error().fault, Fault::unsupported);
  EXPECT_THAT(preloaded_name("docker:///busybox").error().detail,
              testing::HasSubstr("\"docker\" are not supported yet"));
  EXPECT_EQ(preloaded_name("preloaded+layer:x?layer=y").error().fault, Fault::unsupported);
  for (const char* text :
       {"", "base", ":base", "preloaded:", "preloaded:../etc", "preloaded:a/b"}) {
    EXPECT_EQ(preloaded_name(text).error().fault, Fault::invalid) << text;
  }
}

TEST(ParsePreloaded, names_what_is_wrong) {
  const auto preloaded = parse_preloaded({"a:/x", "b:/y:z"});
  ASSERT_TRUE(preloaded.has_value());
  EXPECT_EQ(preloaded->at("a"), "/x");
  EXPECT_EQ(preloaded->at("b"), "/y:z");
  for (const char* entry : {"", "a", "a:", "a:x", ":/x", "a b:/x"}) {
    EXPECT_THAT(parse_preloaded({entry}).error().detail,
                testing::HasSubstr(std::string("\"") + entry + "\""))
        << entry;
  }
}

TEST(Images, unshifted_ones_are_the_folder_itself) {
  std::string folder = (std::filesystem::temp_directory_path() / "causeway_image.XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  Images::Options options;
  options.preloaded = {{"base", folder}, {"gone", folder + "/gone"}};
  const Images images(options);
  EXPECT_TRUE(images.check("preloaded:base").has_value());
  EXPECT_EQ(images.check("preloaded:other").error().fault, Fault::not_found);
  EXPECT_EQ(images.prepare("preloaded:base", false).value(), folder);
  EXPECT_EQ(images.prepare("preloaded:gone", false).error().fault, Fault::not_found);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace causeway::image
