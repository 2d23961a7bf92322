#include "diego/tls_keys.h"

#include <fstream>

#include <gtest/gtest.h>

#include "test/support/server_process.h"
#include "tls/key_pair.h"

namespace causeway::diego {
namespace {

const TlsKeys kKeys{{"ca_file"}, {"cert_file", "old_cert_file"}, {"key_file"}};

class TlsKeysTest : public testing::Test {
 protected:
  TlsKeysTest() {
    const tls::KeyPair pair = tls::make_self_signed({"localhost"});
    std::ofstream(path("cert")) << pair.certificate_pem;
    std::ofstream(path("key")) << pair.key_pem;
    std::ofstream(path("other.key")) << tls::make_self_signed({"localhost"}).key_pem;
  }
  std::string path(const std::string& name) { return folder_.path() + "/" + name; }

  // What comes of a configuration, "FILE" standing for the folder's files.
  rpc::Identity::Files read(std::string text) {
    for (size_t at = 0; (at = text.find("FOLDER", at)) != std::string::npos;)
      text.replace(at, 6, folder_.path());
    auto file = config::File::parse(text, "test.json");
    EXPECT_TRUE(file);
    config::Section root = (*file)->root();
    auto files = read_tls_files(root, kKeys);
    unknown = root.unknown_keys();
    problems = (*file)->problem_text();
    return files;
  }

  std::vector<std::string> unknown;
  std::string problems;

 private:
  causeway::test::TempFolder folder_;
};

TEST_F(TlsKeysTest, files_that_fit_are_taken) {
  const auto files =
      read(R"({"ca_file":"FOLDER/cert","cert_file":"FOLDER/cert","key_file":"FOLDER/key"})");
  EXPECT_EQ(problems, "");
  EXPECT_EQ(files, (rpc::Identity::Files{path("cert"), path("cert"), path("key")}));
}

TEST_F(TlsKeysTest, nothing_is_fine_and_authorities_alone_are) {
  EXPECT_TRUE(read("{}").is_empty());
  EXPECT_EQ(problems, "");
  EXPECT_EQ(read(R"({"ca_file":"FOLDER/cert"})").authorities, path("cert"));
  EXPECT_EQ(problems, "");
}

TEST_F(TlsKeysTest, the_first_spelling_counts_and_none_is_unknown) {
  const auto files = read(R"({"ca_file":"FOLDER/cert","cert_file":"FOLDER/cert",
                              "old_cert_file":"FOLDER/absent","key_file":"FOLDER/key"})");
  EXPECT_EQ(files.certificate, path("cert"));
  EXPECT_TRUE(unknown.empty());
  EXPECT_EQ(problems, "");
  EXPECT_EQ(read(R"({"ca_file":"FOLDER/cert","old_cert_file":"FOLDER/cert",
                     "key_file":"FOLDER/key"})")
                .certificate,
            path("cert"));
  EXPECT_EQ(problems, "");
}

TEST_F(TlsKeysTest, parts_and_broken_files_are_problems_of_their_keys) {
  read(R"({"cert_file":"FOLDER/cert"})");
  EXPECT_NE(problems.find("ca_file: missing"), std::string::npos) << problems;
  EXPECT_NE(problems.find("key_file: missing"), std::string::npos) << problems;
  read(R"({"ca_file":"FOLDER/cert","cert_file":"FOLDER/absent","key_file":"FOLDER/key"})");
  EXPECT_NE(problems.find("cert_file: " + path("absent")), std::string::npos) << problems;
  read(R"({"ca_file":"FOLDER/cert","cert_file":"FOLDER/cert","key_file":"FOLDER/other.key"})");
  EXPECT_NE(problems.find(path("other.key")), std::string::npos) << problems;
}

TEST_F(TlsKeysTest, https_needs_all_of_them) {
  auto file = config::File::parse(R"({"url":"https://a:1"})", "test.json");
  config::Section root = (*file)->root();
  require_files(root, "url", "http://a:1", {}, kKeys);
  EXPECT_EQ((*file)->problem_text(), "");
  require_files(root, "url", "https://a:1", {}, kKeys);
  EXPECT_NE((*file)->problem_text().find("url: https needs ca_file, cert_file and key_file"),
            std::string::npos);
}

}  // namespace
}  // namespace causeway::diego
