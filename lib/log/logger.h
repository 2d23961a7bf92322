#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace causeway::log {

enum class Level : uint8_t { debug = 0, info = 1, warn = 2, error = 3 };

// One entry of a record's `data`. Built in place, used during the call only.
struct Field {
  std::string_view name;
  std::variant<std::string_view, int64_t, double, bool> value;
  bool raw_json = false;  // value is a string of JSON that goes in as it is
  bool is_left_out = false;

  Field(std::string_view n, std::string_view v) : name(n), value(v) {}
  Field(std::string_view n, const std::string& v) : name(n), value(std::string_view(v)) {}
  Field(std::string_view n, const char* v) : name(n), value(std::string_view(v)) {}
  template <class Integer>
  requires(std::is_integral_v<Integer> && !std::is_same_v<Integer, bool>)
      Field(std::string_view n, Integer v)
      : name(n), value(static_cast<int64_t>(v)) {}
  Field(std::string_view n, double v) : name(n), value(v) {}
  Field(std::string_view n, bool v) : name(n), value(v) {}
  // Left out when the value is empty.
  static Field optional(std::string_view n, std::string_view v) {
    Field field(n, v);
    field.is_left_out = v.empty();
    return field;
  }
  static Field json(std::string_view n, std::string_view v) {
    Field field(n, v);
    field.raw_json = true;
    return field;
  }
};
using Fields = std::initializer_list<Field>;

// The two shapes of a line: gorouter's {"log_level":1,"timestamp":T,"message","source","data"} and
// Diego's lager
// {"timestamp":"T","level":"info","source","message","data"}. T: Unix seconds or RFC 3339, with
// nanoseconds.
enum class Shape : uint8_t { gorouter, lager };
enum class TimeFormat : uint8_t { unix_epoch, rfc3339 };

// Where a process's log lines go: a bounded queue and one thread (spdlog's). Full: lines are
// dropped and counted, never waited for. Owner: main(), which creates it first and destroys it last
// (that flushes). Any thread may log.
class Sink {
 public:
  struct Options {
    Shape shape = Shape::lager;
    TimeFormat time_format = TimeFormat::rfc3339;
    Level level = Level::info;
    std::string path;  // appended to; empty, or not to be opened (which is logged): stdout
    size_t queue_lines = 8192;
    int thread_niceness = 0;  // of the thread that writes: become_background_thread()
  };
  explicit Sink(Options options);
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;
  ~Sink();

  void level(Level level);  // any thread
  Level level() const;
  uint64_t dropped_lines() const;
  // Waits until every line logged before has left, at most 5 s.
  void flush();

 private:
  friend class Logger;
  struct State;
  std::unique_ptr<State> state_;
};

// A named source of records on a sink ("gorouter.registry"). A cheap value; the sink outlives it.
// Any thread.
class Logger {
 public:
  Logger(Sink& sink, std::string source) : sink_(&sink), source_(std::move(source)) {}
  // "bbs" -> session("lrp") -> "bbs.lrp"
  Logger session(std::string_view name) const;

  bool enabled(Level level) const;
  void debug(std::string_view message, Fields fields = {}) const {
    write(Level::debug, message, fields);
  }
  void info(std::string_view message, Fields fields = {}) const {
    write(Level::info, message, fields);
  }
  void warn(std::string_view message, Fields fields = {}) const {
    write(Level::warn, message, fields);
  }
  // Adds `error` (text) and `fault` to the data.
  void error(std::string_view message, const Error& error, Fields fields = {}) const;
  void error(std::string_view message, Fields fields = {}) const {
    write(Level::error, message, fields);
  }

 private:
  void write(Level level, std::string_view message, Fields fields,
             const Error* error = nullptr) const;

  Sink* sink_;
  std::string source_;
};

// A whole line without the sink: pure, for tests. No newline at the end.
std::string format_line(Shape shape, TimeFormat time_format, WallTime time, Level level,
                        std::string_view source, std::string_view message, Fields fields);

// "debug" "info" "warn" "error" (also "fatal" -> error); Fault::invalid otherwise.
bool parse_level(std::string_view text, Level& level);

}  // namespace causeway::log
