// HTTP/2 of clients: on the plain port, and what a connection is told at its beginning; and of
// endpoints. Whether the TLS port offers it is config_tls.cc's.
#include "router/config/reading.h"

namespace causeway::router {

void read_http2(Reading& reading) {
  constexpr int64_t streams_max = 10'000;
  constexpr int64_t window_min = 65'535;  // where every connection begins (RFC 9113 section 6.9.2)
  constexpr int64_t window_max = 0x7fff'ffff;
  Settings::Http2& http2 = reading.loaded.config.settings.http2;
  reading.root.read("enable_http2", reading.loaded.config.settings.enable_http2);
  config::Section backends = reading.root.section("backends");
  backends.read("http2_prior_knowledge", reading.loaded.config.settings.http2_prior_knowledge);
  backends.read("http2_ping_interval", reading.loaded.config.settings.http2_ping_interval);
  reading.root.read("enable_h2c", http2.on_plain_port);
  config::Section section = reading.root.section("http2");
  section.read("max_concurrent_streams", http2.max_concurrent_streams,
               {.min = 1, .max = streams_max});
  section.read("stream_window_bytes", http2.stream_window_bytes,
               {.min = window_min, .max = window_max});
  section.read("connection_window_bytes", http2.connection_window_bytes,
               {.min = window_min, .max = window_max});
  section.read("connection_age_max", http2.connection_age_max);
  section.read("stall_timeout", http2.stall_timeout);
  if (http2.stall_timeout < std::chrono::seconds(1))
    section.problem("stall_timeout", "must be 1s or longer");
}

}  // namespace causeway::router
