#include "tools/causeway/dot.h"

#include <unistd.h>

#include <charconv>
#include <cstdio>

#include "config/config.h"
#include "diego/service_url.h"
#include "json/json.h"
#include "tools/causeway/context.h"
#include "tools/causeway/model_json.h"
#include "tools/causeway/table.h"
#include "tools/platform/state_file.h"

namespace causeway::cli {
namespace {

// As cfdot has it, without a scheme: https when there are certificates.
std::string locket_of(const Context& context, Session& session) {
  if (context.dot.locket_url.empty()) return session.bbs_url();
  const bool is_tls = !context.tls.certificate_file.empty();
  return diego::service_url(context.dot.locket_url, is_tls ? "https" : "http")
      .value_or(context.dot.locket_url);
}

Duration timeout_of(const Context& context) {
  constexpr auto for_ever = std::chrono::hours(24);
  if (context.dot.timeout_s == 0) return for_ever;
  return std::chrono::seconds(context.dot.timeout_s);
}

}  // namespace

Dot::Dot(const Context& context, std::string bbs_url)
    : session_(context, std::move(bbs_url), timeout_of(context)),
      locket_url_(locket_of(context, session_)),
      prints_lines_(context.json || ::isatty(STDOUT_FILENO) == 0) {}

int Dot::finish(const std::vector<std::string>& columns) {
  if (prints_lines_ || columns.empty()) {
    for (const std::string& line : lines_) {
      std::printf("%s\n", with_html_escaped(line).c_str());
    }
    return 0;
  }
  Table table(columns);
  for (const std::string& line : lines_) {
    const auto document = json::Document::parse(line);
    if (!document) continue;
    std::vector<std::string> cells;
    for (const std::string& column : columns) {
      const json::Node cell = document->root()[column];
      const std::string text = cell.is_string() ? std::string(*cell.string()) : cell.text();
      cells.push_back(!cell.exists() || text.empty() ? "-" : text);
    }
    table.row(std::move(cells));
  }
  std::printf("%s", table.empty() ? "none\n" : table.text().c_str());
  return 0;
}

int Dot::refused(const Error& error) const {
  const diego::BbsError& refusal = session_.refusal();
  if (refusal.is_answer) {
    std::fprintf(stderr, "Error: BBS error\nType %d: %s\nMessage: %s\n", refusal.type,
                 diego::bbs_error_name(refusal.type).c_str(), refusal.cause.detail.c_str());
    return kRefused;
  }
  return failed(error, kRefused);
}

int Dot::failed(const Error& error, int status) {
  const std::string reason = error.detail.empty() ? to_string(error) : error.detail;
  std::fprintf(stderr, "Error: %s\n", reason.c_str());
  return status;
}

diego::LocketClient Dot::locket() {
  return diego::LocketClient(session_.loop(),
                             {.url = locket_url_, .attempts = 1, .identity = session_.identity()});
}

Result<std::string> spec_text(const std::string& argument) {
  if (!argument.starts_with('@')) return argument;
  return platform::read_whole_file(argument.substr(1));
}

Result<uint32_t> ttl_seconds(const std::string& text) {
  uint32_t count_s = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), count_s);
  if (failure == std::errc{} && end == text.data() + text.size()) return count_s;
  const auto duration = config::parse_duration(text);
  if (!duration) return duration.error();
  const auto whole = std::chrono::duration_cast<std::chrono::seconds>(*duration).count();
  if (whole > int64_t{UINT32_MAX}) return Error{.fault = Fault::invalid, .detail = "too long"};
  return static_cast<uint32_t>(whole);
}

}  // namespace causeway::cli
