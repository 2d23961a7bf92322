#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace causeway::router {

// Where in an HTML page a template's text has come to: decides how a value that is put there must
// be escaped. A value, fed with the literal text in order; its parser copies it to follow both
// branches.
class HtmlPlace {
 public:
  // What a value at this place needs.
  enum class Escape : uint8_t {
    html,        // text, or an attribute in quotes
    url_start,   // the beginning of a URL: its scheme is checked
    url_path,    // further on in a URL
    url_query,   // behind its ? or #
    dropped,     // a comment: nothing of it is sent
    impossible,  // script, style, unquoted attribute, tag: no safe form is known
  };

  // Takes literal text; what is to be sent of it (all but comments) goes to `out`.
  void feed(std::string_view text, std::string& out);
  Escape escape() const;
  // Between two literal texts stands an action; `is_value`: one that writes something.
  void action(bool is_value);

  friend bool operator==(const HtmlPlace&, const HtmlPlace&) = default;

 private:
  enum class At : uint8_t {
    text,
    tag_name,
    tag,
    attribute_name,
    after_name,
    before_value,
    value,
    comment,
    raw
  };
  enum class Kind : uint8_t { plain, url, script };

  void take(char c);
  void begin_value(char quote);
  void end_tag();
  bool closes_raw() const;

  At at_ = At::text;
  bool is_closing_ = false;  // </tag
  char quote_ = 0;           // of the attribute value; 0: none
  Kind kind_ = Kind::plain;  // of the attribute
  Escape url_ = Escape::url_start;
  std::string tag_ = {};        // lower case
  std::string attribute_ = {};  // lower case
  std::string tail_ = {};       // the latest bytes, to see <!--, --> and </script
};

}  // namespace causeway::router
