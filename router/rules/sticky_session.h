#pragma once

#include <string>
#include <string_view>

#include "router/rules/cookies.h"

namespace causeway::router {

class Exchange;
struct Settings;

// Sticky sessions (gorouter.md section 8), the reply's part: whether __VCAP_ID__ is to be set, and
// how. A value that lives while a reply's head is written.
class StickyReply {
 public:
  explicit StickyReply(const Settings& settings) : settings_(settings) {}

  void note_cookie(std::string_view set_cookie);
  void note_challenge(std::string_view www_authenticate);
  // Is a Set-Cookie line due? And its value. The exchange still has its route.
  bool is_due(Exchange& exchange) const;
  void append_value(std::string& out, Exchange& exchange) const;

 private:
  const Settings& settings_;
  SetCookie trigger_;
  bool was_triggered_ = false;
  bool is_challenge_ = false;
  bool was_set_by_app_ = false;
};

}  // namespace causeway::router
