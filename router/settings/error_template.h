#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace causeway::router {

// A page for the router's own errors, in the language of Go's html/template as far as error pages
// need it (doc/observing.md): the fields .Status .StatusText .Message .Header.Get, conditions,
// comments, trimming. Values are escaped for the place they stand in. Parsed once, then an
// immutable value shared by all workers.
class ErrorTemplate {
 public:
  // What a page is about. Views and callable live during the call.
  struct Page {
    uint16_t status = 0;
    std::string_view status_text;
    std::string_view message;
    std::function<std::string_view(std::string_view name)> header;  // of the reply
  };

  // Fault::invalid with line and reason.
  static Result<std::shared_ptr<const ErrorTemplate>> parse(std::string_view text);
  // The same of a file.
  static Result<std::shared_ptr<const ErrorTemplate>> read(const std::string& path);

  ErrorTemplate(const ErrorTemplate&) = delete;
  ErrorTemplate& operator=(const ErrorTemplate&) = delete;
  ~ErrorTemplate();

  // Appends the page. False when the template asks for what is not there (a field it does not have,
  // text compared with a number): `out` is as before then and the error goes out as plain text.
  bool render(std::string& out, const Page& page) const;

 private:
  struct Tree;
  explicit ErrorTemplate(std::unique_ptr<const Tree> tree);
  std::unique_ptr<const Tree> tree_;
};

}  // namespace causeway::router
