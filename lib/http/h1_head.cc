#include "http/h1_head.h"

#include <llhttp.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace causeway::http {
namespace {

// A head that came in pieces may leave this much memory with its parser.
constexpr size_t pending_bytes_kept = 16u << 10;

constexpr bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }

constexpr std::array<bool, 256> make_token_table() {
  std::array<bool, 256> table{};
  for (unsigned c = '0'; c <= '9'; ++c) table[c] = true;
  for (unsigned c = 'a'; c <= 'z'; ++c) table[c] = true;
  for (unsigned c = 'A'; c <= 'Z'; ++c) table[c] = true;
  for (const char c : {'!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~'})
    table[static_cast<unsigned char>(c)] = true;
  return table;
}
constexpr auto token_table = make_token_table();

std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

Error malformed() { return Error{.fault = Fault::protocol}; }
Error too_large() { return Error{.fault = Fault::limit}; }

// What llhttp's callbacks work on during parse_fields().
struct FieldSink {
  Headers& headers;
  size_t headers_max;
  FieldFacts facts{};
  std::string_view name{};
  std::string_view value{};
  bool too_many = false;

  void on_line() {
    value = trimmed(value);
    switch (name.size()) {
      case 4:
        if (equals_ignoring_case(name, "host")) {
          ++facts.hosts;
          facts.host = value;
        }
        break;
      case 6:
        if (equals_ignoring_case(name, "expect") && equals_ignoring_case(value, "100-continue"))
          facts.expect_continue = true;
        break;
      case 17:
        if (equals_ignoring_case(name, "transfer-encoding")) {
          ++facts.transfer_encodings;
          facts.chunked = facts.transfer_encodings == 1 && equals_ignoring_case(value, "chunked");
        }
        break;
      default:
        break;
    }
    headers.add(name, value);
    name = value = {};
  }
};

FieldSink& sink_of(llhttp_t* parser) { return *static_cast<FieldSink*>(parser->data); }

// The whole block is one contiguous piece, so the spans of one text are contiguous too.
std::string_view joined(std::string_view before, const char* at, size_t length) {
  if (before.data() == nullptr) return {at, length};
  return {before.data(), static_cast<size_t>(at + length - before.data())};
}

int on_field(llhttp_t* parser, const char* at, size_t length) {
  FieldSink& sink = sink_of(parser);
  sink.name = joined(sink.name, at, length);
  return 0;
}

int on_value(llhttp_t* parser, const char* at, size_t length) {
  FieldSink& sink = sink_of(parser);
  sink.value = joined(sink.value, at, length);
  return 0;
}

int on_value_complete(llhttp_t* parser) {
  FieldSink& sink = sink_of(parser);
  if (sink.name.empty()) return -1;  // llhttp lets ": value" pass
  if (sink.headers.size() == sink.headers_max) {
    sink.too_many = true;
    return -1;
  }
  sink.on_line();
  return 0;
}

int on_fields_complete(llhttp_t*) { return HPE_PAUSED; }

// llhttp that has read a start line and waits for the first field line: copied for every block. The
// start line is ours, because llhttp knows a fixed list of methods only. Compiled strict
// (LLHTTP_STRICT_MODE).
llhttp_t primed_parser() {
  static const llhttp_settings_t settings = [] {
    llhttp_settings_t made;
    llhttp_settings_init(&made);
    made.on_header_field = on_field;
    made.on_header_value = on_value;
    made.on_header_value_complete = on_value_complete;
    made.on_headers_complete = on_fields_complete;
    return made;
  }();
  llhttp_t parser;
  llhttp_init(&parser, HTTP_REQUEST, &settings);
  // Both a length and chunked: chunked wins, framing_of() takes the length out.
  llhttp_set_lenient_chunked_length(&parser, 1);
  constexpr std::string_view start = "POST / HTTP/1.1\r\n";
  CHECK(llhttp_execute(&parser, start.data(), start.size()) == HPE_OK);
  return parser;
}

llhttp_errno_t run_llhttp(std::string_view block, FieldSink& sink, llhttp_t& parser) {
  static const llhttp_t primed = primed_parser();
  parser = primed;
  parser.data = &sink;
  return llhttp_execute(&parser, block.data(), block.size());
}

// Takes all but the first of identical Content-Length lines out of `block`; false when they differ
// or are not clear.
bool merge_lengths(std::span<char>& block) {
  constexpr std::string_view name = "content-length:";
  std::string_view first;
  size_t kept = 0;
  for (size_t at = 0; at < block.size();) {
    const char* end = static_cast<const char*>(std::memchr(&block[at], '\n', block.size() - at));
    if (end == nullptr) return false;
    const size_t size = static_cast<size_t>(end + 1 - &block[at]);
    const std::string_view line(&block[at], size);
    bool keep = true;
    if (line.size() > name.size() && equals_ignoring_case(line.substr(0, name.size()), name)) {
      const std::string_view value =
          trimmed(line.substr(name.size(), line.size() - 2 - name.size()));
      if (first.data() == nullptr) {
        // Its bytes stay where they are: nothing before it is taken out.
        first = value;
      } else {
        if (value != first) return false;
        keep = false;
      }
    }
    if (keep) {
      std::memmove(&block[kept], &block[at], size);
      kept += size;
    }
    at += size;
  }
  block = block.first(kept);
  return true;
}

}  // namespace

bool is_token(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return token_table[static_cast<unsigned char>(c)];
  });
}

bool parse_version(std::string_view text, Version& version) noexcept {
  if (text.size() != 8 || text.substr(0, 5) != "HTTP/" || text[6] != '.') return false;
  const auto major = static_cast<unsigned>(text[5] - '0');
  const auto minor = static_cast<unsigned>(text[7] - '0');
  if (major > 9 || minor > 9) return false;
  version = {static_cast<uint8_t>(major), static_cast<uint8_t>(minor)};
  return true;
}

Result<FieldFacts> parse_fields(std::span<char> block, size_t headers_max, Headers& headers) {
  for (int round = 0;; ++round) {
    headers.clear();
    FieldSink sink{headers, headers_max};
    llhttp_t parser;
    const llhttp_errno_t outcome = run_llhttp({block.data(), block.size()}, sink, parser);
    if (outcome == HPE_PAUSED) {
      FieldFacts facts = sink.facts;
      facts.has_content_length = (parser.flags & F_CONTENT_LENGTH) != 0;
      facts.content_length = parser.content_length;
      facts.connection_close = (parser.flags & F_CONNECTION_CLOSE) != 0;
      facts.connection_keep_alive = (parser.flags & F_CONNECTION_KEEP_ALIVE) != 0;
      facts.upgrade = (parser.flags & F_UPGRADE) != 0 && (parser.flags & F_CONNECTION_UPGRADE) != 0;
      return facts;
    }
    if (sink.too_many) return too_large();
    if (outcome != HPE_UNEXPECTED_CONTENT_LENGTH || round > 0) return malformed();
    if (!merge_lengths(block)) return malformed();
  }
}

Framing framing_of(const FieldFacts& facts, Headers& headers) {
  if (facts.chunked) {
    if (facts.has_content_length) headers.remove("content-length");
    return Framing::chunked;
  }
  return facts.has_content_length && facts.content_length > 0 ? Framing::length : Framing::none;
}

void HeadCollector::clear() {
  pending_.clear();
  if (pending_.capacity() > pending_bytes_kept) pending_.shrink_to_fit();
  scanned_ = 0;
  lines_ = 0;
  odd_ = false;
}

size_t HeadCollector::skip_empty_lines(std::string_view bytes) {
  size_t used = 0;
  if (pending_ == "\r" && !bytes.empty() && bytes[0] == '\n') {
    clear();
    used = 1;
  }
  if (!pending_.empty()) return used;
  while (used < bytes.size()) {
    if (bytes[used] == '\n') {
      ++used;
    } else if (bytes[used] == '\r' && used + 1 < bytes.size() && bytes[used + 1] == '\n') {
      used += 2;
    } else {
      break;
    }
  }
  return used;
}

// Where the head ends; 0 when its end has not come. A line feed is judged once what follows it is
// known.
size_t HeadCollector::find_end(std::string_view text) {
  while (scanned_ < text.size()) {
    const char* found =
        static_cast<const char*>(std::memchr(text.data() + scanned_, '\n', text.size() - scanned_));
    if (found == nullptr) {
      scanned_ = text.size();
      return 0;
    }
    const auto at = static_cast<size_t>(found - text.data());
    scanned_ = at;
    if (at + 1 == text.size()) return 0;
    const char next = text[at + 1];
    if (next == '\r' && at + 2 == text.size()) return 0;
    ++lines_;
    if (at == 0 || text[at - 1] != '\r') odd_ = true;
    scanned_ = at + 1;
    if (next == '\n') {
      odd_ = true;
      ++lines_;
      return at + 2;
    }
    if (next == '\r' && text[at + 2] == '\n') {
      ++lines_;
      return at + 3;
    }
    if (is_blank(next)) odd_ = true;
  }
  return 0;
}

// A copy of the head in the arena with CRLF line ends and unfolded lines (RFC 9112 section 5.2).
Result<std::span<char>> HeadCollector::vetted(std::string_view head, Arena& arena) const {
  if (!odd_) {
    const std::span<char> copy = arena.bytes(head.size());
    std::memcpy(copy.data(), head.data(), head.size());
    // Every line ends in CRLF, so any further CR stands alone.
    if (static_cast<size_t>(std::count(head.begin(), head.end(), '\r')) != lines_)
      return malformed();
    return copy;
  }
  const std::span<char> copy = arena.bytes(head.size() + lines_);
  size_t size = 0;
  for (size_t line = 0; !head.empty(); ++line) {
    const size_t end = head.find('\n');
    CHECK(end != std::string_view::npos);
    std::string_view text = head.substr(0, end);
    head.remove_prefix(end + 1);
    if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
    if (text.find('\r') != std::string_view::npos) return malformed();
    if (!text.empty() && is_blank(text.front())) {
      // Nothing before the first field line could be continued.
      if (line < 2) return malformed();
      size -= 2;
      while (size > 0 && is_blank(copy[size - 1])) --size;
      text = trimmed(text);
      copy[size++] = ' ';
    }
    std::copy(text.begin(), text.end(), copy.begin() + static_cast<ptrdiff_t>(size));
    size += text.size();
    copy[size++] = '\r';
    copy[size++] = '\n';
  }
  return copy.first(size);
}

Result<HeadCollector::Taken> HeadCollector::take(std::string_view bytes, size_t bytes_max,
                                                 Arena& arena) {
  std::string_view text = bytes;
  const size_t before = pending_.size();
  if (before > 0) {
    // No more than the limit is ever stored.
    pending_.append(bytes.substr(0, bytes_max + 1 > before ? bytes_max + 1 - before : 0));
    text = pending_;
  }
  const size_t end = find_end(text);
  if (end == 0) {
    if (text.size() > bytes_max) return too_large();
    if (before == 0) pending_.assign(bytes);
    return Taken{bytes.size(), {}};
  }
  if (end > bytes_max) return too_large();
  auto head = vetted(text.substr(0, end), arena);
  if (!head) return std::move(head).error();
  clear();
  return Taken{end - before, *head};
}

}  // namespace causeway::http
