#include "cell/logs/log_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <system_error>
#include <utility>

#include "cell/runtime/descriptor.h"
#include "cell/runtime/mounts.h"
#include "cell/runtime/shim_protocol.h"
#include "json/json.h"

namespace causeway::logs {

namespace fs = std::filesystem;

namespace {

constexpr size_t file_bytes_max = 4 * runtime::shim::log_file_bytes_max;

// Newest last; by name where times are equal.
std::vector<fs::path> by_age(const std::vector<fs::path>& folders) {
  std::vector<std::pair<fs::file_time_type, fs::path>> aged;
  std::error_code error;
  for (const fs::path& folder : folders)
    aged.emplace_back(fs::last_write_time(folder, error), folder);
  std::sort(aged.begin(), aged.end());
  std::vector<fs::path> sorted;
  for (auto& [time, folder] : aged) sorted.push_back(std::move(folder));
  return sorted;
}

std::vector<fs::path> folders_in(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.is_directory(error)) found.push_back(entry.path());
  }
  return found;
}

// A record and where it belongs among those of other files: its time, but never before what stands
// above it in its own file. A clock that is set back does not put new lines before old ones.
struct Placed {
  int64_t order_ns;
  LogRecord record;
};

void read_records(const fs::path& file, int32_t index, int64_t& latest_ns,
                  std::vector<Placed>& records) {
  const Result<std::string> text = runtime::read_whole_file(file.string(), file_bytes_max);
  if (!text) return;
  for (size_t start = 0, end = 0; (end = text->find('\n', start)) != std::string::npos;
       start = end + 1) {
    Result<LogRecord> record =
        parse_record(std::string_view(*text).substr(start, end - start), index);
    if (!record) continue;
    latest_ns = std::max(latest_ns, record->unix_ns);
    records.push_back({latest_ns, std::move(*record)});
  }
}

bool is_name(const std::string& text) {
  return !text.empty() && text.size() <= 200 && text[0] != '.' &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '-' || c == '.';
         });
}

}  // namespace

Result<LogRecord> parse_record(std::string_view line, int32_t index) {
  const Error invalid{.fault = Fault::invalid, .detail = "not a log record"};
  LogRecord record;
  record.index = index;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), record.unix_ns);
  std::string_view rest = line.substr(static_cast<size_t>(end - line.data()));
  if (error != std::errc() || rest.size() < 4 || rest[0] != ' ' || rest[2] != ' ') return invalid;
  if (rest[1] != 'O' && rest[1] != 'E') return invalid;
  record.is_error = rest[1] == 'E';
  rest.remove_prefix(3);
  const size_t space = rest.find(' ');
  if (space == std::string_view::npos) return invalid;
  record.source = rest.substr(0, space);
  record.text = rest.substr(space + 1);
  return record;
}

std::string record_json(const LogRecord& record) {
  const std::time_t seconds = record.unix_ns / 1'000'000'000;
  std::tm time{};
  ::gmtime_r(&seconds, &time);
  char day[32], stamp[64];
  std::strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &time);
  std::snprintf(stamp, sizeof stamp, "%s.%09lldZ", day,
                static_cast<long long>(record.unix_ns % 1'000'000'000));
  json::Writer out;
  out.object().member("timestamp", stamp).member("stream", record.is_error ? "ERR" : "OUT");
  out.member("source_type", record.source)
      .member("instance", record.index)
      .member("message", record.text)
      .end();
  return out.take();
}

std::string LogStore::process_folder(const std::string& process_guid) const {
  return options_.folder + "/" + process_guid;
}

std::string LogStore::run_folder(const LogKey& key) const {
  return process_folder(key.process_guid) + "/" + std::to_string(key.index) + "/" +
         key.instance_guid;
}

Result<std::string> LogStore::open(const LogKey& key) {
  if (!is_name(key.process_guid) || !is_name(key.instance_guid)) {
    return Error{.fault = Fault::invalid, .detail = "log of " + key.process_guid + ": not a name"};
  }
  const std::string folder = run_folder(key);
  std::error_code error;
  const bool is_new = !fs::exists(folder, error);
  if (Result<void> made = runtime::make_folder(folder, 0750); !made) return made.error();
  if (is_new) {
    drop_old_runs(fs::path(folder).parent_path().string());
    drop_old_folders();
  }
  return folder;
}

void LogStore::drop_old_runs(const std::string& instance_folder) const {
  const std::vector<fs::path> runs = by_age(folders_in(instance_folder));
  for (size_t i = 0; i + options_.runs_kept < runs.size(); ++i)
    (void)runtime::remove_tree(runs[i].string());
}

void LogStore::drop_old_folders() const {
  const std::vector<fs::path> all = folders_in(options_.folder);
  if (all.size() <= options_.folders_max) return;
  const std::vector<fs::path> processes = by_age(all);
  for (size_t i = 0; i + options_.folders_max < processes.size(); ++i)
    (void)runtime::remove_tree(processes[i].string());
}

void LogStore::say(const LogKey& key, const std::string& source, std::string_view text,
                   bool is_error) {
  LogRecord record{clock_.wall().unix_ns, is_error, source, key.index, std::string(text)};
  std::replace(record.source.begin(), record.source.end(), ' ', '_');
  std::replace(record.text.begin(), record.text.end(), '\n', ' ');
  const std::string line = std::to_string(record.unix_ns) + (is_error ? " E " : " O ") +
                           record.source + ' ' + record.text + '\n';
  const std::string path = run_folder(key) + "/cell";
  const runtime::Descriptor file(
      ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640));
  // A full disk loses log lines, nothing else.
  if (file.is_open()) (void)!::write(file.number(), line.data(), line.size());
  publish(key, record);
}

void LogStore::tell(const LogKey& key, std::string_view line) {
  if (const Result<LogRecord> record = parse_record(line, key.index)) publish(key, *record);
}

void LogStore::publish(const LogKey& key, const LogRecord& record) const {
  for (const auto& [id, follower] : followers_) {
    if (follower.process_guid != key.process_guid ||
        (follower.index >= 0 && follower.index != key.index))
      continue;
    follower.on_record(record);
  }
}

Result<std::vector<LogRecord>> LogStore::read(const std::string& process_guid, int32_t index,
                                              size_t lines) const {
  const fs::path folder = process_folder(process_guid);
  std::error_code error;
  if (!is_name(process_guid) || !fs::is_directory(folder, error)) {
    return Error{.fault = Fault::not_found,
                 .detail = "no log of " + process_guid + " on this cell"};
  }
  std::vector<Placed> placed;
  for (const fs::path& instance : folders_in(folder)) {
    int32_t number = -1;
    const std::string name = instance.filename().string();
    std::from_chars(name.data(), name.data() + name.size(), number);
    if (number < 0 || (index >= 0 && index != number)) continue;
    for (const fs::path& run : folders_in(instance)) {
      int64_t app_ns = 0, cell_ns = 0;  // the latest of each writer
      for (const char* file : {"app.1", "app"}) read_records(run / file, number, app_ns, placed);
      read_records(run / "cell", number, cell_ns, placed);
    }
  }
  std::stable_sort(placed.begin(), placed.end(), [](const Placed& left, const Placed& right) {
    return left.order_ns < right.order_ns;
  });
  const size_t kept = std::min({lines, options_.lines_max, placed.size()});
  std::vector<LogRecord> records;
  for (size_t i = placed.size() - kept; i < placed.size(); ++i)
    records.push_back(std::move(placed[i].record));
  return records;
}

uint64_t LogStore::follow(const std::string& process_guid, int32_t index, OnRecord on_record) {
  followers_[++last_follower_] = Follower{process_guid, index, std::move(on_record)};
  const uint64_t id = last_follower_;
  if (on_followers_changed_) on_followers_changed_(process_guid);
  return id;
}

void LogStore::unfollow(uint64_t follower) {
  const auto found = followers_.find(follower);
  if (found == followers_.end()) return;
  const std::string process_guid = found->second.process_guid;
  followers_.erase(found);
  if (on_followers_changed_) on_followers_changed_(process_guid);
}

bool LogStore::is_followed(const LogKey& key) const {
  return std::any_of(followers_.begin(), followers_.end(), [&](const auto& entry) {
    const Follower& follower = entry.second;
    return follower.process_guid == key.process_guid &&
           (follower.index < 0 || follower.index == key.index);
  });
}

}  // namespace causeway::logs
