#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <span>
#include <string_view>
#include <utility>

namespace causeway::router {

// Random UUIDs (RFC 9562 version 4) for X-Vcap-Request-Id, out of a stock of random bytes, so that
// most cost no call of the generator. Owner: a worker. Thread: its own.
class RequestIds {
 public:
  static constexpr size_t text_bytes = 36;
  using Fill = std::function<void(std::span<std::byte>)>;

  explicit RequestIds(Fill fill) : fill_(std::move(fill)) {}

  // Random bytes out of the stock, at most stock_bytes.
  void take(std::span<std::byte> out);
  static constexpr size_t stock_bytes = 16 * 256;
  // Writes the trace id (32 hexadecimal digits) in the form of a UUID to `out`.
  static void write_trace(std::string_view trace, char* out);
  // Writes "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx" to `out` (text_bytes of it).
  void next(char* out);

 private:
  Fill fill_;
  std::array<std::byte, stock_bytes> stock_{};
  size_t used_ = sizeof(stock_);
};

}  // namespace causeway::router
