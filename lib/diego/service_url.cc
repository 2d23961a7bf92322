#include "diego/service_url.h"

#include <utility>

#include "config/config.h"
#include "rpc/client.h"
#include "rpc/url.h"

namespace causeway::diego {

Result<std::string> service_url(std::string_view address, std::string_view scheme) {
  std::string url(address);
  if (url.find("://") == std::string::npos) url.insert(0, std::string(scheme) + "://");
  while (url.ends_with('/')) url.pop_back();
  if (auto parsed = rpc::parse_url(url); !parsed) return std::move(parsed).error();
  return url;
}

void complete_url(config::Section& section, const char* key, std::string& url,
                  std::string_view scheme) {
  if (url.empty()) return;
  auto completed = service_url(url, scheme);
  if (!completed) return section.problem(key, completed.error().detail);
  url = *std::move(completed);
}

bool is_https(std::string_view url) { return url.starts_with("https://"); }

std::string path_segment(std::string_view text) { return rpc::percent_encode(text); }

Error unexpected_status(std::string_view url, const rpc::Reply& reply) {
  Fault fault = Fault::protocol;
  switch (reply.status) {
    case 400:
      fault = Fault::invalid;
      break;
    case 404:
      fault = Fault::not_found;
      break;
    case 409:
      fault = Fault::conflict;
      break;
    case 503:
      fault = Fault::unavailable;
      break;
    default:
      break;
  }
  constexpr size_t kBodyBytesMax = 200;
  std::string detail = std::string(url) + ": status " + std::to_string(reply.status);
  if (!reply.body.empty()) detail += ": " + reply.body.substr(0, kBodyBytesMax);
  return {.fault = fault, .side = Side::backend, .detail = std::move(detail)};
}

}  // namespace causeway::diego
