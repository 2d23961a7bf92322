#include "http/message.h"

#include <cstring>

namespace causeway::http {
namespace {

void put_two(char* out, unsigned value) noexcept {
  out[0] = static_cast<char>('0' + value / 10);
  out[1] = static_cast<char>('0' + value % 10);
}

}  // namespace

void RequestHead::clear() noexcept {
  method = {};
  target = {};
  version = {};
  headers.clear();
  framing = Framing::none;
  content_length = 0;
  keep_alive = true;
  upgrade = false;
  expect_continue = false;
}

void ReplyHead::clear() noexcept {
  status = 0;
  reason = {};
  version = {};
  headers.clear();
  framing = Framing::none;
  content_length = 0;
  keep_alive = true;
}

std::string_view reason_phrase(uint16_t status) noexcept {
  switch (status) {
    case 100:
      return "Continue";
    case 101:
      return "Switching Protocols";
    case 102:
      return "Processing";
    case 103:
      return "Early Hints";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 203:
      return "Non-Authoritative Information";
    case 204:
      return "No Content";
    case 205:
      return "Reset Content";
    case 206:
      return "Partial Content";
    case 207:
      return "Multi-Status";
    case 208:
      return "Already Reported";
    case 226:
      return "IM Used";
    case 300:
      return "Multiple Choices";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 305:
      return "Use Proxy";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 402:
      return "Payment Required";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 407:
      return "Proxy Authentication Required";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Request Entity Too Large";
    case 414:
      return "Request URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Requested Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
    case 418:
      return "I'm a teapot";
    case 421:
      return "Misdirected Request";
    case 422:
      return "Unprocessable Entity";
    case 423:
      return "Locked";
    case 424:
      return "Failed Dependency";
    case 425:
      return "Too Early";
    case 426:
      return "Upgrade Required";
    case 428:
      return "Precondition Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 451:
      return "Unavailable For Legal Reasons";
    // What gorouter answers when a backend's certificate is not to be had (section 16).
    case 496:
      return "SSL Certificate Required";
    case 499:
      return "Client Closed Request";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    case 506:
      return "Variant Also Negotiates";
    case 507:
      return "Insufficient Storage";
    case 508:
      return "Loop Detected";
    case 510:
      return "Not Extended";
    case 511:
      return "Network Authentication Required";
    case 525:
      return "SSL Handshake Failed";
    case 526:
      return "Invalid SSL Certificate";
    default:
      return {};
  }
}

void format_date(int64_t unix_seconds, char* out) noexcept {
  static constexpr char kDays[] = "ThuFriSatSunMonTueWed";  // 1 January 1970 was a Thursday
  static constexpr char kMonths[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  if (unix_seconds < 0) unix_seconds = 0;
  const int64_t days = unix_seconds / 86400;
  const auto second = static_cast<unsigned>(unix_seconds % 86400);

  // Days to civil date, in eras of 400 years that begin on 1 March.
  const int64_t shifted = days + 719468;
  const int64_t era = shifted / 146097;
  const auto day_of_era = static_cast<unsigned>(shifted % 146097);
  const unsigned year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const unsigned day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const unsigned month_from_march = (5 * day_of_year + 2) / 153;
  const unsigned day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
  const unsigned month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  const auto year = static_cast<unsigned>(era * 400 + year_of_era + (month <= 2 ? 1 : 0));

  std::memcpy(out, "Thu, 01 Jan 1970 00:00:00 GMT", kDateBytes);
  std::memcpy(out, kDays + 3 * (days % 7), 3);
  put_two(out + 5, day);
  std::memcpy(out + 8, kMonths + 3 * (month - 1), 3);
  put_two(out + 12, year / 100 % 100);
  put_two(out + 14, year % 100);
  put_two(out + 17, second / 3600);
  put_two(out + 20, second / 60 % 60);
  put_two(out + 23, second % 60);
}

}  // namespace causeway::http
