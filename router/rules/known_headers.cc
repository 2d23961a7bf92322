#include "router/rules/known_headers.h"

#include "http/headers.h"

namespace causeway::router {
namespace {

struct Candidate {
  std::string_view name;
  KnownHeader header;
};

template <size_t N>
KnownHeader first_match(std::string_view name, const Candidate (&candidates)[N]) noexcept {
  for (const Candidate& candidate : candidates) {
    if (http::equals_ignoring_case(name, candidate.name)) return candidate.header;
  }
  return KnownHeader::other;
}

}  // namespace

KnownHeader known_header(std::string_view name) noexcept {
  using enum KnownHeader;
  switch (name.size()) {
    case 2:
      return first_match(name, {{"te", te}});
    case 4:
      return first_match(name, {{"host", host}, {"date", date}});
    case 6:
      return first_match(name, {{"cookie", cookie}, {"expect", expect}});
    case 7:
      return first_match(name, {{"referer", referer}, {"upgrade", upgrade}, {"trailer", trailer}});
    case 10:
      return first_match(name, {{"connection", connection},
                                {"user-agent", user_agent},
                                {"keep-alive", keep_alive},
                                {"set-cookie", set_cookie}});
    case 12:
      return first_match(name, {{"content-type", content_type}, {"x-vcap-trace", x_vcap_trace}});
    case 14:
      return first_match(name, {{"content-length", content_length}});
    case 15:
      return first_match(name, {{"x-forwarded-for", x_forwarded_for},
                                {"x-request-start", x_request_start},
                                {"x-cf-instanceid", x_cf_instance_id}});
    case 16:
      return first_match(
          name, {{"proxy-connection", proxy_connection}, {"www-authenticate", www_authenticate}});
    case 17:
      return first_match(name, {{"x-forwarded-proto", x_forwarded_proto},
                                {"transfer-encoding", transfer_encoding},
                                {"x-vcap-request-id", x_vcap_request_id},
                                {"x-cf-app-instance", x_cf_app_instance}});
    case 18:
      return first_match(name, {{"x-cf-applicationid", x_cf_application_id},
                                {"x-cf-instanceindex", x_cf_instance_index},
                                {"proxy-authenticate", proxy_authenticate},
                                {"x-cf-forwarded-url", x_cf_forwarded_url}});
    case 19:
      return first_match(name, {{"proxy-authorization", proxy_authorization},
                                {"x-cf-proxy-metadata", x_cf_proxy_metadata}});
    case 20:
      return first_match(name, {{"x-cf-proxy-signature", x_cf_proxy_signature}});
    case 21:
      return first_match(name, {{"x-cf-process-instance", x_cf_process_instance}});
    case 23:
      return first_match(name, {{"x-forwarded-client-cert", x_forwarded_client_cert}});
    default:
      return other;
  }
}

}  // namespace causeway::router
