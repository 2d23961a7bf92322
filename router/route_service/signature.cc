#include "router/route_service/signature.h"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <span>
#include <utility>

#include "json/json.h"
#include "tls/aead.h"
#include "tls/digest.h"
#include "tls/random.h"

namespace causeway::router {
namespace {

constexpr uint32_t key_rounds = 100'001;
// A signature that a router of ours made is far shorter: its URL fits into a request head.
constexpr size_t signature_bytes_max = 2u << 20;
constexpr int64_t kSecondNs = 1'000'000'000;

// Base64 with the URL-safe alphabet and padding (RFC 4648 section 5).
std::string url_base64(std::string_view bytes) {
  std::string text = tls::base64(bytes);
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  return text;
}

Result<std::string> url_base64_decode(std::string_view text) {
  std::string standard(text);
  if (standard.find_first_of("+/") != std::string::npos)
    return Error{.fault = Fault::invalid, .side = Side::client, .detail = "not base64url"};
  std::replace(standard.begin(), standard.end(), '-', '+');
  std::replace(standard.begin(), standard.end(), '_', '/');
  return tls::base64_decode(standard);
}

// Days since 1970-01-01 of a date of the Gregorian calendar.
int64_t days_of(int64_t year, int64_t month, int64_t day) {
  year -= month <= 2 ? 1 : 0;
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const int64_t year_of_era = year - era * 400;
  const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + day_of_era - 719'468;
}

// "2006-01-02T15:04:05.999999999Z"
std::string rfc3339(int64_t unix_ns) {
  const int64_t seconds = unix_ns / kSecondNs;
  const std::time_t time = seconds;
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[96];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%09dZ", parts.tm_year + 1900,
                parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                static_cast<int>(unix_ns % kSecondNs));
  return text;
}

// Takes `digits` decimal digits off the front; -1 when they are not there.
int64_t take_number(std::string_view& rest, size_t digits) {
  if (rest.size() < digits) return -1;
  int64_t number = 0;
  for (const char c : rest.substr(0, digits)) {
    if (c < '0' || c > '9') return -1;
    number = number * 10 + (c - '0');
  }
  rest.remove_prefix(digits);
  return number;
}

bool take(std::string_view& rest, char c) {
  if (rest.empty() || rest[0] != c) return false;
  rest.remove_prefix(1);
  return true;
}

// ".123456789" -> nanoseconds; 0 when there is no fraction.
int64_t take_fraction(std::string_view& rest) {
  if (!take(rest, '.')) return 0;
  int64_t nanoseconds = 0;
  int64_t unit = kSecondNs / 10;
  for (; !rest.empty() && rest[0] >= '0' && rest[0] <= '9'; rest.remove_prefix(1), unit /= 10)
    nanoseconds += unit * (rest[0] - '0');
  return nanoseconds;
}

// "Z", "+02:00" or "-07:00" -> seconds east of UTC.
std::optional<int64_t> take_zone(std::string_view& rest) {
  if (take(rest, 'Z')) return 0;
  const int64_t sign = take(rest, '+') ? 1 : take(rest, '-') ? -1 : 0;
  if (sign == 0) return std::nullopt;
  const int64_t hours = take_number(rest, 2);
  if (!take(rest, ':')) return std::nullopt;
  const int64_t minutes = take_number(rest, 2);
  if (hours < 0 || minutes < 0) return std::nullopt;
  return sign * (hours * 3600 + minutes * 60);
}

std::optional<int64_t> parse_rfc3339(std::string_view text) {
  const int64_t year = take_number(text, 4);
  if (!take(text, '-')) return std::nullopt;
  const int64_t month = take_number(text, 2);
  if (!take(text, '-')) return std::nullopt;
  const int64_t day = take_number(text, 2);
  if (!take(text, 'T')) return std::nullopt;
  const int64_t hour = take_number(text, 2);
  if (!take(text, ':')) return std::nullopt;
  const int64_t minute = take_number(text, 2);
  if (!take(text, ':')) return std::nullopt;
  const int64_t second = take_number(text, 2);
  // The years that fit into 64 bits of nanoseconds.
  if (year < 1970 || year > 2200 || month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 ||
      hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
    return std::nullopt;
  const int64_t fraction = take_fraction(text);
  const auto zone = take_zone(text);
  if (!zone || !text.empty()) return std::nullopt;
  const int64_t seconds = days_of(year, month, day) * 86'400 + hour * 3600 + minute * 60 + second;
  return (seconds - *zone) * kSecondNs + fraction;
}

Error not_ours(std::string detail) {
  return {.fault = Fault::invalid, .side = Side::client, .detail = std::move(detail)};
}

Result<tls::Aes128Gcm::Nonce> parse_metadata(std::string_view metadata) {
  const auto text = url_base64_decode(metadata);
  if (!text) return not_ours("metadata is not base64");
  const auto document = json::Document::parse(*text);
  if (!document) return not_ours("metadata is not JSON");
  const auto encoded = document->root()["nonce"].string();
  const auto bytes = tls::base64_decode(encoded.value_or(""));
  tls::Aes128Gcm::Nonce nonce;
  if (!bytes || bytes->size() != nonce.size()) return not_ours("metadata has no nonce");
  std::transform(bytes->begin(), bytes->end(), nonce.begin(), [](char c) { return std::byte(c); });
  return nonce;
}

Result<ServiceVisit> parse_visit(std::string_view text) {
  const auto document = json::Document::parse(text);
  if (!document) return not_ours("signature is not JSON");
  const auto url = document->root()["forwarded_url"].string();
  const auto time = parse_rfc3339(document->root()["requested_time"].string().value_or(""));
  if (!url || !time) return not_ours("signature is incomplete");
  return ServiceVisit{std::string(*url), *time};
}

}  // namespace

ServiceKey derive_service_key(std::string_view secret) {
  ServiceKey key;
  tls::pbkdf2_sha256(secret, {}, key_rounds, key);
  return key;
}

struct ServiceSigner::Keys {
  tls::Aes128Gcm present;
  std::optional<tls::Aes128Gcm> former;
};

ServiceSigner::ServiceSigner(const ServiceKey& key, const std::optional<ServiceKey>& former_key,
                             Duration lifetime)
    : keys_(std::make_unique<Keys>(Keys{tls::Aes128Gcm(key), {}})), lifetime_(lifetime) {
  if (former_key) keys_->former.emplace(*former_key);
}

ServiceSigner::~ServiceSigner() = default;

ServiceSigner::Headers ServiceSigner::sign(const ServiceVisit& visit) const {
  tls::Aes128Gcm::Nonce nonce;
  tls::random_bytes(nonce);
  json::Writer contents;
  contents.object().member("forwarded_url", visit.forwarded_url);
  contents.member("requested_time", rfc3339(visit.requested_unix_ns)).end();
  json::Writer metadata;
  metadata.object().member("nonce", tls::base64(nonce)).end();
  return {url_base64(keys_->present.seal(nonce, contents.take())), url_base64(metadata.take())};
}

Result<ServiceVisit> ServiceSigner::check(std::string_view signature, std::string_view metadata,
                                          int64_t now_unix_ns) const {
  if (signature.size() > signature_bytes_max || metadata.size() > signature_bytes_max)
    return not_ours("signature is too long");
  const auto nonce = parse_metadata(metadata);
  if (!nonce) return nonce.error();
  const auto sealed = url_base64_decode(signature);
  if (!sealed) return not_ours("signature is not base64");
  auto contents = keys_->present.open(*nonce, *sealed);
  if (!contents && keys_->former) contents = keys_->former->open(*nonce, *sealed);
  if (!contents) return contents.error();
  auto visit = parse_visit(*contents);
  if (!visit) return visit;
  if (now_unix_ns - visit->requested_unix_ns > lifetime_.count())
    return Error{
        .fault = Fault::timeout, .side = Side::client, .detail = "Route service request expired"};
  return visit;
}

}  // namespace causeway::router
