#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

// What the rep and a container's shim say to each other: lines of words over a local socket,
// `shim.sock` in the container's folder. Names of processes are of [A-Za-z0-9._-]; only the last
// word of a line may contain spaces.
//
//   rep to shim                            shim to rep
//   start ID log|mute SOURCE               process ID starting|running|exited PID STATUS SIGNAL OOM
//   (greeting: one per process) signal ID NUMBER                       container running|ended
//   (greeting: its last line) forget ID                              started ID PID follow on|off
//   failed ID TEXT            the process could not be started destroy exited ID STATUS SIGNAL OOM
//                                          ended STATUS SIGNAL OOM   the container's init is gone,
//                                          and so is everything in it log RECORD while following
//                                          destroyed                 the shim ends after it
//                                          undestroyed TEXT          runc could not remove it; the
//                                          shim stays
//
// STATUS is 128 + signal when a signal ended the process; OOM is 1 when the kernel killed something
// in the container for want of memory during the process's life.
//
// Files in the container's folder, beside the OCI bundle: shim.pid, shim.log (what runc says),
// init.pid, and for each process proc/ID.json (OCI process), proc/ID.pid, proc/ID.exit ("STATUS
// SIGNAL OOM").
//
// A log record is one line: UNIX_NS O|E SOURCE TEXT. The file is LOG_DIR/app, and app.1 is the part
// before it.
namespace causeway::runtime::shim {

inline constexpr std::string_view socket_name = "shim.sock";
inline constexpr std::string_view pid_name = "shim.pid";
inline constexpr std::string_view log_name = "shim.log";

// Diego's bound of one app log message.
inline constexpr size_t log_text_bytes_max = 61'440;
// A line of the protocol: a log record with its head.
inline constexpr size_t line_bytes_max = log_text_bytes_max + 1024;
// Each of the two files of a container's log.
inline constexpr size_t log_file_bytes_max = 1u << 20;
// What may wait for a rep that does not read; beyond it, log lines are left out (the file has
// them).
inline constexpr size_t unsent_bytes_max = 4u << 20;

}  // namespace causeway::runtime::shim
