#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cell/executor/executor.h"
#include "cell/executor/sites.h"

namespace causeway::executor {

// What a rep keeps on disk of a container, so that the next one knows it again. A value.
struct Record {
  Container container;
  RunRequest request;
  Site site;
};

// FOLDER/GUID/record.json and request.pb; blocks shortly. The request never changes and is written
// the first time only.
Result<void> save_record(const std::string& folder, const Record& record);
Result<Record> load_record(const std::string& folder, const std::string& guid);
// Guids that have a folder there.
std::vector<std::string> recorded_guids(const std::string& folder);
Result<void> remove_record(const std::string& folder, const std::string& guid);

// The texts of the two files. Pure.
std::string record_text(const Record& record);
std::string request_bytes(const RunRequest& request);
Result<Record> parse_record(const std::string& text, const std::string& request);

}  // namespace causeway::executor
