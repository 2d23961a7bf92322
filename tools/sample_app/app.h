#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http/message.h"

namespace causeway::sample {

// Who this instance is, from its environment (CF_INSTANCE_* as in spec: the executor sets them). A
// value.
struct Identity {
  std::string app = "sample";
  std::string index = "0";
  std::string guid;
  uint16_t port = 8080;
};
Identity identity_from_environment();

// What to do with one request whose body has been read.
struct Answer {
  uint16_t status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  uint64_t filler_bytes = 0;  // streamed after `body` instead of being held in memory
  uint64_t delay_ms = 0;      // slept before answering
  int exit_code = -1;         // >= 0: answer, then end the process with it
};

// Pure. Paths:
//   /            one line that names app and instance         /echo        the request, headers and
//   body as JSON /env         the environment                              /health      "ok"
//   /bytes?n=N   N bytes                                      /sleep?ms=N  answers after N ms (at
//   most 600,000) /count       counts the body's bytes                      /exit?code=N ends this
//   instance
Answer answer(const Identity& identity, const http::RequestHead& head, std::string_view body,
              uint64_t body_bytes);

// The number behind `name` in a target's query, `otherwise` when absent or not a number.
uint64_t query_number(std::string_view target, std::string_view name, uint64_t otherwise);

}  // namespace causeway::sample
