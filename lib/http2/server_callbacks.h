#pragma once

// Internal to lib/http2: what the server's session is made of.

#include <memory>
#include <string_view>
#include <vector>

#include <nghttp2/nghttp2.h>

#include "http2/server_session.h"

namespace causeway::http2 {

struct ServerSession::Core {
  struct End {
    void operator()(nghttp2_session* ended) const { nghttp2_session_del(ended); }
  };
  nghttp2_mem memory;
  std::unique_ptr<nghttp2_session, End> session;
  std::vector<nghttp2_nv> fields;  // scratch

  void fill(const http::Headers& lines);
  // The library has them.
  void forget_fields();
};

// What the library calls. It must neither be fed nor asked for output in there.
struct ServerSession::Callbacks {
  static nghttp2_session_callbacks* table();
  static nghttp2_option* options();
  static ssize_t read_body(nghttp2_session* session, int32_t id, uint8_t* room, size_t room_bytes,
                           uint32_t* flags, nghttp2_data_source* source, void* user);

 private:
  static ServerSession& session_of(void* user) { return *static_cast<ServerSession*>(user); }
  static ServerStream* stream_of(nghttp2_session* session, int32_t id) {
    return static_cast<ServerStream*>(nghttp2_session_get_stream_user_data(session, id));
  }

  static int on_begin_frame(nghttp2_session* session, const nghttp2_frame_hd* head, void* user);
  static int on_begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void* user);
  static int on_header(nghttp2_session* session, const nghttp2_frame* frame, nghttp2_rcbuf* name,
                       nghttp2_rcbuf* value, uint8_t flags, void* user);
  static int on_invalid_header(nghttp2_session* session, const nghttp2_frame* frame,
                               const uint8_t* name, size_t name_bytes, const uint8_t* value,
                               size_t value_bytes, uint8_t flags, void* user);
  static int on_frame(nghttp2_session* session, const nghttp2_frame* frame, void* user);
  static int on_invalid_frame(nghttp2_session* session, const nghttp2_frame* frame, int code,
                              void* user);
  static int on_body(nghttp2_session* session, uint8_t flags, int32_t id, const uint8_t* bytes,
                     size_t size, void* user);
  static int on_stream_close(nghttp2_session* session, int32_t id, uint32_t code, void* user);
  static int on_frame_sent(nghttp2_session* session, const nghttp2_frame* frame, void* user);
  static int on_frame_not_sent(nghttp2_session* session, const nghttp2_frame* frame, int code,
                               void* user);
  static int send_body(nghttp2_session* session, nghttp2_frame* frame, const uint8_t* frame_head,
                       size_t size, nghttp2_data_source* source, void* user);
};

}  // namespace causeway::http2
