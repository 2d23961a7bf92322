#include "http/h1_chunked.h"

#include <algorithm>

namespace causeway::http {
namespace {

// Larger sizes are nonsense, and sums of them stay in 64 bits.
constexpr uint64_t chunk_bytes_max = uint64_t{1} << 60;

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

bool is_forbidden_trailer(std::string_view trailer) noexcept {
  for (const std::string_view name :
       {"transfer-encoding", "content-length", "host", "connection", "trailer", "keep-alive", "te",
        "upgrade", "proxy-connection", "expect", "authorization", "proxy-authorization",
        "content-encoding", "content-type", "content-range"}) {
    if (equals_ignoring_case(trailer, name)) return true;
  }
  return false;
}

void ChunkDecoder::clear() {
  state_ = State::size_first;
  left_ = 0;
  extension_bytes_ = 0;
  collector_.clear();
  trailers_.clear();
}

bool ChunkDecoder::on_size_digit(char c) {
  const int digit = hex_digit(c);
  if (digit < 0 || left_ > chunk_bytes_max / 16 || ++size_digits_ > size_digits_max) return false;
  left_ = left_ * 16 + static_cast<uint64_t>(digit);
  state_ = State::size;
  return true;
}

bool ChunkDecoder::on_framing(char c) {
  switch (state_) {
    case State::size_first:
      left_ = 0;
      size_digits_ = 0;
      return on_size_digit(c);
    case State::size:
      if (hex_digit(c) >= 0) return on_size_digit(c);
      [[fallthrough]];
    case State::blank:
      if (c == ' ' || c == '\t') {
        state_ = State::blank;
        return ++extension_bytes_ <= extension_bytes_max;
      }
      if (c == ';') {
        state_ = State::extension;
        return true;
      }
      state_ = State::size_lf;
      return c == '\r';
    case State::extension:
      if (c == '\r') {
        state_ = State::size_lf;
        return true;
      }
      return (static_cast<unsigned char>(c) >= ' ' || c == '\t') && c != 0x7f &&
             ++extension_bytes_ <= extension_bytes_max;
    case State::size_lf:
      state_ = left_ > 0 ? State::data : State::trailer_first;
      return c == '\n';
    case State::data_cr:
      state_ = State::data_lf;
      return c == '\r';
    case State::data_lf:
      state_ = State::size_first;
      return c == '\n';
    case State::trailer_lf:
      state_ = State::end;
      return c == '\n';
    case State::data:
    case State::trailer_first:
    case State::trailers:
    case State::end:
      break;
  }
  return false;
}

Result<void> ChunkDecoder::on_trailers(std::string_view& bytes, size_t trailers_max, Arena& arena) {
  auto taken = collector_.take(bytes, trailer_bytes_max, arena);
  if (!taken) return std::move(taken).error();
  bytes.remove_prefix(taken->used);
  if (taken->head.empty()) return {};
  auto facts = parse_fields(taken->head, trailers_max, trailers_);
  if (!facts) return std::move(facts).error();
  trailers_.remove_if([](const Header& line) { return is_forbidden_trailer(line.name); });
  state_ = State::end;
  return {};
}

Result<ChunkDecoder::Step> ChunkDecoder::next(std::string_view& bytes, size_t trailers_max,
                                              Arena& arena) {
  while (state_ != State::end && !bytes.empty()) {
    switch (state_) {
      case State::data: {
        const std::string_view body = bytes.substr(0, std::min<uint64_t>(left_, bytes.size()));
        left_ -= body.size();
        bytes.remove_prefix(body.size());
        if (left_ == 0) state_ = State::data_cr;
        return Step{Found::body, body};
      }
      case State::trailer_first:
        if (bytes.front() == '\r') {
          bytes.remove_prefix(1);
          state_ = State::trailer_lf;
        } else {
          state_ = State::trailers;
        }
        break;
      case State::trailers: {
        auto read = on_trailers(bytes, trailers_max, arena);
        if (!read) return std::move(read).error();
        break;
      }
      default:
        if (!on_framing(bytes.front())) return Error{.fault = Fault::protocol};
        bytes.remove_prefix(1);
        break;
    }
  }
  return Step{state_ == State::end ? Found::end : Found::nothing, {}};
}

}  // namespace causeway::http
