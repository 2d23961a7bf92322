#include "router/rules/sticky_session.h"

#include <algorithm>

#include "http/headers.h"
#include "router/proxy/exchange.h"
#include "router/rules/request_rules.h"
#include "router/settings/settings.h"

namespace causeway::router {
namespace {

constexpr std::string_view sticky_cookie = "__VCAP_ID__";

bool begins_with_negotiate(std::string_view text) {
  constexpr std::string_view scheme = "negotiate";
  return http::equals_ignoring_case(text.substr(0, scheme.size()), scheme);
}

// The first cookie of that name in all Cookie lines.
std::optional<std::string_view> cookie_of(Exchange& exchange, std::string_view name) {
  const http::Headers& headers = exchange.request().headers;
  for (size_t i = 0; i < headers.size(); ++i) {
    if (exchange.facts().kinds[i] != KnownHeader::cookie) continue;
    if (const auto value = find_cookie(headers[i].value, name)) return value;
  }
  return std::nullopt;
}

// The route's path as the client spells it: cookies' paths count with case, routes do not.
std::string_view cookie_path(Exchange& exchange) {
  const std::string_view route = exchange.ruling().pool->path();
  if (route.empty()) return "/";
  const std::string_view asked = exchange.facts().path.substr(0, route.size());
  const bool is_same = http::equals_ignoring_case(asked, route);
  // Whatever stood behind it would be read as an attribute.
  return (is_same ? asked : route).substr(0, route.find(';'));
}

}  // namespace

Verdict find_sticky_session(Exchange& exchange) {
  if (!exchange.facts().has_cookies) return Verdict::proceed;
  const Settings& settings = exchange.settings();
  const auto& names = settings.sticky_session_cookie_names;
  const bool negotiates = settings.sticky_sessions_for_auth_negotiate &&
                          begins_with_negotiate(exchange.request().headers.get("authorization"));
  const bool has_session = negotiates || std::ranges::any_of(names, [&](const std::string& name) {
                             return cookie_of(exchange, name).has_value();
                           });
  if (!has_session) return Verdict::proceed;
  exchange.ruling().sticky_id = cookie_of(exchange, sticky_cookie).value_or("");
  exchange.ruling().must_be_sticky = negotiates && !exchange.ruling().sticky_id.empty();
  return Verdict::proceed;
}

void StickyReply::note_cookie(std::string_view set_cookie) {
  const auto cookie = parse_set_cookie(set_cookie);
  if (!cookie) return;
  if (cookie->name == sticky_cookie) was_set_by_app_ = true;
  if (was_triggered_) return;
  const auto& names = settings_.sticky_session_cookie_names;
  if (std::find(names.begin(), names.end(), cookie->name) == names.end()) return;
  was_triggered_ = true;
  trigger_ = *cookie;
}

void StickyReply::note_challenge(std::string_view www_authenticate) {
  if (settings_.sticky_sessions_for_auth_negotiate && begins_with_negotiate(www_authenticate))
    is_challenge_ = true;
}

bool StickyReply::is_due(Exchange& exchange) const {
  const Ruling& ruling = exchange.ruling();
  const std::string_view instance = exchange.record().instance_id;
  const bool has_moved = !ruling.sticky_id.empty() && ruling.sticky_id != instance;
  if (!was_triggered_ && !is_challenge_ && !has_moved) return false;
  return !instance.empty() && !was_set_by_app_ && ruling.service_leg != ServiceLeg::to_service;
}

void StickyReply::append_value(std::string& out, Exchange& exchange) const {
  // A challenge's own rules win over those of a session's cookie.
  const SetCookie like = is_challenge_ ? SetCookie{.same_site = "Strict"} : trigger_;
  out.append(sticky_cookie).append("=").append(exchange.record().instance_id);
  out.append("; Path=").append(cookie_path(exchange));
  if (!like.expires.empty()) out.append("; Expires=").append(like.expires);
  if (is_challenge_) {
    out.append("; Max-Age=60");
  } else if (like.ends_now) {
    out.append("; Max-Age=0");
  }
  out.append("; HttpOnly");
  if (like.is_secure || settings_.secure_cookies) out.append("; Secure");
  if (!like.same_site.empty()) out.append("; SameSite=").append(like.same_site);
  if (like.is_partitioned) out.append("; Partitioned");
}

}  // namespace causeway::router
