#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace causeway::logs {

// Whose log: one run of one instance of a process, or of a task.
struct LogKey {
  std::string process_guid;  // of a task: its guid
  int32_t index = 0;
  std::string instance_guid;  // of a task: its guid
};

struct LogRecord {
  int64_t unix_ns = 0;
  bool is_error = false;  // ERR
  std::string source;     // APP/PROC/WEB
  int32_t index = 0;
  std::string text;
};
// A line as the shim writes it (cell/runtime/shim_protocol.h); Fault::invalid for others. Pure.
Result<LogRecord> parse_record(std::string_view line, int32_t index);
// {"timestamp","stream","source_type","instance","message"}; times are RFC 3339 in UTC with nine
// decimals, so that text order is time order. Pure.
std::string record_json(const LogRecord& record);

// The app logs of this cell. Each run has a folder: its shim writes `app` and `app.1` there, the
// cell its own few lines to `cell`. Reading goes to the files, following is told by the runtime; so
// a quiet reader costs a talking app nothing. What ended runs leave is kept for a while:
// `runs_kept` per instance, `folders_max` in all. Owner: main(). Thread: its loop's.
class LogStore {
 public:
  struct Options {
    std::string folder;
    size_t runs_kept = 3;
    size_t folders_max = 500;
    size_t lines_max = 10'000;  // of one answer
  };
  using OnRecord = std::function<void(const LogRecord&)>;

  LogStore(const Clock& clock, Options options) : clock_(clock), options_(std::move(options)) {}
  LogStore(const LogStore&) = delete;
  LogStore& operator=(const LogStore&) = delete;

  // The folder of a run that begins; exists afterwards. Older runs of the instance go.
  Result<std::string> open(const LogKey& key);
  // A line said by the cell.
  void say(const LogKey& key, const std::string& source, std::string_view text, bool is_error);
  // A line of the app that was told because somebody follows.
  void tell(const LogKey& key, std::string_view line);

  // The last `lines` of a process, in the order of time; index below 0: of all instances.
  // Fault::not_found: nothing was ever written here.
  Result<std::vector<LogRecord>> read(const std::string& process_guid, int32_t index,
                                      size_t lines) const;

  // Calls `on_record` for what comes from now on, until unfollow().
  uint64_t follow(const std::string& process_guid, int32_t index, OnRecord on_record);
  void unfollow(uint64_t follower);
  bool is_followed(const LogKey& key) const;
  // Told when is_followed() may have changed for this process.
  void on_followers_changed(std::function<void(const std::string& process_guid)> callback) {
    on_followers_changed_ = std::move(callback);
  }

 private:
  struct Follower {
    std::string process_guid;
    int32_t index;
    OnRecord on_record;
  };
  std::string process_folder(const std::string& process_guid) const;
  std::string run_folder(const LogKey& key) const;
  void publish(const LogKey& key, const LogRecord& record) const;
  void drop_old_runs(const std::string& instance_folder) const;
  void drop_old_folders() const;

  const Clock& clock_;
  const Options options_;
  std::map<uint64_t, Follower> followers_;
  uint64_t last_follower_ = 0;
  std::function<void(const std::string&)> on_followers_changed_;
};

}  // namespace causeway::logs
