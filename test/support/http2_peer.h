#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "test/support/raw_client.h"

namespace causeway::test {

// RFC 9113 sections 6 and 7.
enum class H2Type : uint8_t {
  data = 0,
  headers = 1,
  priority = 2,
  rst_stream = 3,
  settings = 4,
  push_promise = 5,
  ping = 6,
  goaway = 7,
  window_update = 8,
  continuation = 9
};
inline constexpr uint8_t h2_end_stream = 1;
inline constexpr uint8_t h2_ack = 1;
inline constexpr uint8_t h2_end_headers = 4;

struct H2Frame {
  H2Type type = H2Type::data;
  uint8_t flags = 0;
  uint32_t stream = 0;
  std::string payload = {};
};

using H2Fields = std::vector<std::pair<std::string, std::string>>;

// The frame as bytes on the wire.
std::string h2_bytes(const H2Frame& frame);
// Fields as a header block that uses no table.
std::string h2_block(const H2Fields& fields);
// One entry of a SETTINGS frame.
std::string h2_setting(uint16_t id, uint32_t value);
std::string h2_u32(uint32_t value);

// One end of an HTTP/2 connection, frame by frame, so that it can also be a broken one. Owner and
// thread: the script of a backend, or a test that is the client.
class Http2Peer {
 public:
  explicit Http2Peer(RawSocket& socket);
  Http2Peer(const Http2Peer&) = delete;
  Http2Peer& operator=(const Http2Peer&) = delete;
  ~Http2Peer();

  // As the server: the client's preface and our SETTINGS.
  bool greet(const std::string& settings = {});
  // As the client: the same from us.
  bool call(const std::string& settings = {});
  // The next frame but for SETTINGS (acknowledged), their acknowledgement and window updates; none
  // at the end.
  std::optional<H2Frame> next();
  // The next one of that type.
  std::optional<H2Frame> next(H2Type type);

  struct Request {
    uint32_t stream = 0;
    H2Fields fields;
    std::string body;
    H2Fields trailers;
    bool is_whole = false;

    std::string field(std::string_view name) const;
  };
  // The next head; stream 0 at the end.
  Request next_head();
  // Down to the end of the stream.
  void read_rest(Request& request);
  Request next_request();

  bool send(const H2Frame& frame) { return send_bytes(h2_bytes(frame)); }
  bool send_bytes(std::string_view bytes) { return socket_.send(bytes); }
  bool send_head(uint32_t stream, const H2Fields& fields, bool ends = false);
  bool send_data(uint32_t stream, std::string_view bytes, bool ends = false);  // one frame
  // As many frames as it takes, as the windows allow; frames that come meanwhile are passed over.
  bool send_body(uint32_t stream, std::string_view bytes, bool ends = true);
  // What the windows, as far as is known, let through.
  int64_t window_of(uint32_t stream);
  bool reset(uint32_t stream, uint32_t code);
  bool goaway(uint32_t last_stream, uint32_t code);
  // 200 with that body.
  bool answer(uint32_t stream, std::string_view body);
  RawSocket& socket() { return socket_; }

 private:
  std::optional<H2Frame> read_frame();
  H2Fields decode(const std::string& block);

  struct Inflater;
  RawSocket& socket_;
  std::unique_ptr<Inflater> inflater_;
  std::map<uint32_t, int64_t> windows_;  // what updates have given and bodies have taken
  int64_t initial_window_ = 65'535;      // of streams
};

}  // namespace causeway::test
