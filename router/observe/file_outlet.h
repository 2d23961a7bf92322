#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "router/observe/line_outlet.h"

namespace causeway::router {

// Appends to a file, whoever else renames or truncates it. Owner: a LineQueue. Thread: its.
class FileOutlet final : public LineOutlet {
 public:
  // Fault::io or the like when it cannot be opened. Made with mode 0644.
  static Result<std::unique_ptr<FileOutlet>> open(std::string path);
  ~FileOutlet() override;

  Written write(std::string_view lines, Ending& ending) override;
  Result<void> reopen() override;
  std::string_view name() const override { return "file"; }

 private:
  FileOutlet(std::string path, int file) : path_(std::move(path)), file_(file) {}
  // How many bytes went out; `os` says why not all.
  size_t write_bytes(std::string_view bytes, Ending& ending, int& os);

  const std::string path_;
  int file_;
  bool ends_within_line_ = false;  // a full disk took a part of a line
};

}  // namespace causeway::router
