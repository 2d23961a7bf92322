#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "diego/locket_client.h"
#include "tools/causeway/session.h"

namespace causeway::cli {

// One of cfdot's commands while it runs: its calls, and what it prints. Owner: its callback.
// Thread: main.
class Dot {
 public:
  // cfdot's exit statuses.
  static constexpr int kInvalid = 3;
  static constexpr int kRefused = 4;
  static constexpr int kNotFound = 5;

  Dot(const Context& context, std::string bbs_url);

  Session& session() { return session_; }
  // JSON, one text per line; else for people.
  bool prints_lines() const { return prints_lines_; }
  void print(std::string line) { lines_.push_back(std::move(line)); }

  // One JSON text per line, or a table of some of the members.
  int finish(const std::vector<std::string>& columns = {});

  // The BBS, or what is on the way to it, said no.
  int refused(const Error& error) const;
  static int failed(const Error& error, int status);

  diego::LocketClient locket();

 private:
  Session session_;
  const std::string locket_url_;
  const bool prints_lines_;
  std::vector<std::string> lines_;
};

// JSON, or @FILE with it.
Result<std::string> spec_text(const std::string& argument);
// "40s" or "40".
Result<uint32_t> ttl_seconds(const std::string& text);

}  // namespace causeway::cli
