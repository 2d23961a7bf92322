#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace CLI {
class App;
}

namespace causeway::load {

// What a command has read from its command line.
struct Arguments {
  virtual ~Arguments() = default;
};

// What commands share. Owner: main().
struct Context {
  std::string command_line;  // as given, for reports
  std::vector<std::unique_ptr<Arguments>> arguments;
  int exit_status = 0;       // 0; 1 a failed run or report; 2 bad usage; 130 interrupted

  template <class Kind>
  Kind& keep() {
    auto made = std::make_unique<Kind>();
    Kind& kind = *made;
    arguments.push_back(std::move(made));
    return kind;
  }
};

void add_http_command(CLI::App& app, Context& context);

}  // namespace causeway::load
