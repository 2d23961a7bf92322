#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "router/observe/line_outlet.h"

namespace causeway::router {

// Sends lines to a syslog server over UDP or TCP. What cannot be reached is dialled again, longer
// and longer apart; over TCP the lines wait for that in their queue, over UDP they are lost. Owner:
// a LineQueue. Thread: its.
class SyslogOutlet final : public LineOutlet {
 public:
  struct Options {
    std::string host = {};  // name or address
    uint16_t port = 514;
    bool is_tcp = false;
    int family = 0;             // 4 or 6: only such addresses
    std::string tag = {};       // APP-NAME
    size_t truncate_bytes = 0;  // of a line; 0: whole
    // gorouter's header lacks the field of structured data, its TCP messages end with a newline;
    // this is the standard's header (RFC 5424), and octet counts (RFC 6587, section 3.4.1).
    bool is_rfc5424 = false;
    const log::Logger* logger = nullptr;
  };
  explicit SyslogOutlet(Options options);
  ~SyslogOutlet() override;

  Written write(std::string_view lines, Ending& ending) override;
  std::string_view name() const override { return "syslog"; }

 private:
  void compose(std::string_view lines);
  void append_message(std::string_view line);
  void renew_header();
  bool connect(Ending& ending);
  int dial(Ending& ending);
  void hang_up();
  bool peer_has_gone() const;
  Written send_stream(Ending& ending);
  Written send_datagrams(Ending& ending);
  void await_room() const;
  void say_unreachable();

  const Options options_;
  const std::string host_name_;
  int socket_ = -1;
  int os_ = 0;                // of the last failure
  bool is_reported_ = false;  // that it cannot be reached
  int64_t header_second_ = -1;
  std::string header_;
  std::string messages_;
  std::vector<size_t> ends_;  // of each message
};

}  // namespace causeway::router
