#pragma once

// Internal to lib/http2: what the client's session is made of.

#include <memory>
#include <vector>

#include <nghttp2/nghttp2.h>

#include "http2/client_session.h"

namespace causeway::http2 {

struct ClientSession::Core {
  struct End {
    void operator()(nghttp2_session* ended) const { nghttp2_session_del(ended); }
  };
  nghttp2_mem memory;
  std::unique_ptr<nghttp2_session, End> session;
  std::vector<nghttp2_nv> fields;  // scratch

  // The library copies what it is given here.
  void fill(const FieldBlock& block);
  // The library has them.
  void forget_fields();
};

// What the library calls. It must neither be fed nor asked for output in there.
struct ClientSession::Callbacks {
  static nghttp2_session_callbacks* table();
  static nghttp2_option* options();
  static ssize_t read_body(nghttp2_session* session, int32_t id, uint8_t* room, size_t room_bytes,
                           uint32_t* flags, nghttp2_data_source* source, void* user);

 private:
  static ClientSession& session_of(void* user) { return *static_cast<ClientSession*>(user); }
  static ClientStream* stream_of(nghttp2_session* session, int32_t id) {
    return static_cast<ClientStream*>(nghttp2_session_get_stream_user_data(session, id));
  }

  // None for one whose reply is known to be malformed.
  static ClientStream* heard_stream_of(nghttp2_session* session, int32_t id) {
    ClientStream* const stream = stream_of(session, id);
    return stream == nullptr || stream->is_malformed_ ? nullptr : stream;
  }

  static int on_begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void* user);
  static int on_header(nghttp2_session* session, const nghttp2_frame* frame, const uint8_t* name,
                       size_t name_bytes, const uint8_t* value, size_t value_bytes, uint8_t flags,
                       void* user);
  static int on_frame(nghttp2_session* session, const nghttp2_frame* frame, void* user);
  static int on_body(nghttp2_session* session, uint8_t flags, int32_t id, const uint8_t* bytes,
                     size_t size, void* user);
  static int on_frame_sent(nghttp2_session* session, const nghttp2_frame* frame, void* user);
  static int on_stream_close(nghttp2_session* session, int32_t id, uint32_t code, void* user);
  static int send_body(nghttp2_session* session, nghttp2_frame* frame, const uint8_t* frame_head,
                       size_t size, nghttp2_data_source* source, void* user);
};

}  // namespace causeway::http2
