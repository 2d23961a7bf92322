#include "bench/load/http/http_plan.h"

#include <cstring>
#include <map>
#include <utility>

#include "bench/load/report/files.h"
#include "http/h1_writer.h"

namespace causeway::load {
namespace {

Error invalid(std::string detail) { return {.fault = Fault::invalid, .detail = std::move(detail)}; }

bool is_token(std::string_view text) {
  for (const char c : text) {
    if (c <= ' ' || c >= '\x7f' || std::strchr("()<>@,;:\\\"/[]?={}", c) != nullptr) return false;
  }
  return !text.empty();
}

// Gives each target its address, with names resolved once.
Result<std::vector<size_t>> place_targets(HttpPlan& plan, const std::vector<Target>& targets,
                                          const std::string& connect) {
  std::map<std::pair<std::string, uint16_t>, size_t> known;
  std::vector<size_t> places;
  std::pair<std::string, uint16_t> fixed_place;
  if (!connect.empty()) {
    auto place = net::parse_host_port(connect);
    if (!place) return invalid("--connect: expected host:port, not \"" + connect + "\"");
    fixed_place = {place->host, place->port};
  }
  for (const Target& target : targets) {
    const auto key = connect.empty() ? std::pair(target.host, target.port) : fixed_place;
    const auto [entry, is_new] = known.try_emplace(key, plan.addresses.size());
    if (is_new) {
      auto address = resolve(key.first, key.second);
      if (!address) return address.error();
      plan.addresses.push_back(*address);
      plan.requests_of.emplace_back();
    }
    places.push_back(entry->second);
  }
  return places;
}

Result<void> check(const HttpOptions& options) {
  if (!options.method.empty() && !is_token(options.method))
    return invalid("--method: \"" + options.method + "\" is no method");
  if (options.method == "CONNECT") return invalid("--method: CONNECT makes tunnels, not replies");
  constexpr unsigned streams_max = 100'000;
  if (options.streams == 0 || options.streams > streams_max)
    return invalid("--streams: expected 1.." + std::to_string(streams_max));
  if (!options.is_http2 && options.streams > 1) return invalid("--streams: only with --http2");
  if (options.is_http2 && options.close_each)
    return invalid("--close: HTTP/2 connections carry many requests");
  if (options.headers.size() + 8 > HttpPlan::fields_max)
    return invalid("--header: at most " + std::to_string(HttpPlan::fields_max - 8));
  if (options.urls.empty() && options.targets_file.empty())
    return invalid("nothing to ask for: give a URL or --targets FILE");
  return {};
}

Result<void> speak_tls(HttpPlan& plan, const std::vector<Target>& targets,
                       const std::vector<size_t>& places, const HttpOptions& options) {
  const bool is_tls = targets.front().is_tls;
  std::vector<std::string> names(plan.addresses.size());
  for (size_t i = 0; i < targets.size(); ++i) {
    if (targets[i].is_tls != is_tls)
      return invalid("http:// and https:// in one run: one or the other");
    if (names[places[i]].empty()) names[places[i]] = targets[i].host;
  }
  if (!is_tls) return {};
  return set_tls(plan, options.tls, std::move(names), {options.is_http2 ? "h2" : "http/1.1"});
}

std::string request_head(const HttpOptions& options, const std::string& method,
                         const Target& target) {
  http::Headers headers;
  const std::string length = std::to_string(options.body.size());
  bool has_host = false;
  bool has_length = false;
  for (const RequestHeader& header : options.headers) {
    headers.add(header.name, header.value);
    has_host = has_host || http::equals_ignoring_case(header.name, "host");
    has_length = has_length || http::equals_ignoring_case(header.name, "content-length");
  }
  if (!has_host) headers.add("Host", target.authority);
  if (options.close_each) headers.set("Connection", "close");
  if (!has_length && (!options.body.empty() || method == "POST" || method == "PUT"))
    headers.add("Content-Length", length);
  std::string head;
  http::append_request_head(head, method, target.path, http::Version{}, headers);
  return head;
}

// As HTTP/2 has them (RFC 9113, section 8.3.1); empty for HTTP/1.1.
std::vector<RequestHeader> request_fields(const HttpOptions& options, const std::string& method,
                                          const Target& target) {
  if (!options.is_http2) return {};
  std::vector<RequestHeader> fields{{":method", method},
                                    {":scheme", target.is_tls ? "https" : "http"},
                                    {":authority", target.authority},
                                    {":path", target.path}};
  bool has_length = false;
  for (const RequestHeader& header : options.headers) {
    std::string name;
    for (const char c : header.name) name += c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    if (name == "host") {
      fields[2].value = header.value;
    } else if (name != "connection" && name != "upgrade" && name != "keep-alive") {
      has_length = has_length || name == "content-length";
      fields.push_back({std::move(name), header.value});
    }
  }
  if (!has_length && !options.body.empty())
    fields.push_back({"content-length", std::to_string(options.body.size())});
  return fields;
}

}  // namespace

Result<RequestHeader> parse_header(std::string_view line) {
  const size_t colon = line.find(':');
  const std::string_view name = line.substr(0, colon);
  if (colon == std::string_view::npos || !is_token(name) ||
      line.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos)
    return invalid("--header: expected \"Name: value\", not \"" + std::string(line) + "\"");
  if (http::equals_ignoring_case(name, "transfer-encoding"))
    return invalid(
        "--header: bodies are sent with their length; Transfer-Encoding is not supported");
  std::string_view value = line.substr(colon + 1);
  while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  return RequestHeader{std::string(name), std::string(value)};
}

Result<HttpPlan> make_http_plan(const HttpOptions& options) {
  if (const auto checked = check(options); !checked) return checked.error();
  std::vector<Target> targets;
  for (const std::string& url : options.urls) {
    if (const auto appended = append_targets(targets, url); !appended) return appended.error();
  }
  if (!options.targets_file.empty()) {
    const auto text = read_whole_file(options.targets_file);
    if (!text) return text.error();
    if (const auto appended = append_target_lines(targets, *text, options.targets_file); !appended)
      return appended.error();
  }
  HttpPlan plan;
  if (const auto set = set_load_plan(plan, options); !set) return set.error();
  auto places = place_targets(plan, targets, options.connect);
  if (!places) return places.error();
  if (auto set = speak_tls(plan, targets, *places, options); !set) return set.error();
  if (plan.addresses.size() > options.connections)
    return invalid(std::to_string(plan.addresses.size()) +
                   " different addresses need at least as many connections");
  plan.method = !options.method.empty() ? options.method : options.body.empty() ? "GET" : "POST";
  for (size_t i = 0; i < targets.size(); ++i) {
    plan.requests_of[(*places)[i]].push_back(i);
    plan.requests.push_back({request_head(options, plan.method, targets[i]),
                             request_fields(options, plan.method, targets[i]), (*places)[i]});
  }
  plan.body = options.body;
  plan.close_each = options.close_each;
  plan.is_http2 = options.is_http2;
  plan.streams = options.streams;
  plan.opens_ahead = !options.close_each;
  return plan;
}

}  // namespace causeway::load
