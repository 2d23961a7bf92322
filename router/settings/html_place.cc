#include "router/settings/html_place.h"

#include <algorithm>
#include <array>

namespace causeway::router {
namespace {

constexpr size_t tail_bytes = 16;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }
bool is_letter(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }
bool is_html_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }

bool is_url_attribute(std::string_view name) {
  constexpr std::array<std::string_view, 14> urls{
      "action", "archive", "background", "cite",     "classid", "codebase", "formaction",
      "href",   "icon",    "longdesc",   "manifest", "poster",  "profile",  "usemap"};
  if (const size_t colon = name.rfind(':'); colon != std::string_view::npos)
    name.remove_prefix(colon + 1);
  if (std::find(urls.begin(), urls.end(), name) != urls.end()) return true;
  return name.find("src") != std::string_view::npos || name.find("uri") != std::string_view::npos ||
         name.find("url") != std::string_view::npos;
}

bool is_raw_element(std::string_view tag) {
  return tag == "script" || tag == "style" || tag == "textarea" || tag == "title";
}

}  // namespace

void HtmlPlace::feed(std::string_view text, std::string& out) {
  for (const char c : text) {
    const bool was_comment = at_ == At::comment;
    out.push_back(c);
    tail_.push_back(lower(c));
    if (tail_.size() > tail_bytes) tail_.erase(0, 1);
    take(c);
    if (at_ == At::comment && !was_comment) {
      out.resize(out.size() - 4);  // the <!-- itself
    } else if (was_comment) {
      out.pop_back();
    }
  }
}

// `</script` with what may follow a name.
bool HtmlPlace::closes_raw() const {
  const std::string end = "</" + tag_;
  return tail_.size() > end.size() &&
         tail_.compare(tail_.size() - end.size() - 1, end.size(), end) == 0 &&
         (is_html_blank(tail_.back()) || tail_.back() == '>' || tail_.back() == '/');
}

void HtmlPlace::end_tag() {
  at_ = !is_closing_ && is_raw_element(tag_) ? At::raw : At::text;
  tail_.clear();
}

void HtmlPlace::begin_value(char quote) {
  at_ = At::value;
  quote_ = quote;
  url_ = Escape::url_start;
  kind_ = attribute_.starts_with("on") || attribute_ == "style" || attribute_ == "srcdoc" ||
                  attribute_ == "srcset"
              ? Kind::script
          : is_url_attribute(attribute_) ? Kind::url
                                         : Kind::plain;
}

void HtmlPlace::take(char c) {
  switch (at_) {
    case At::text:
      if (tail_.ends_with("<!--")) {
        at_ = At::comment;
        tail_.clear();
      } else if (is_letter(c) && (tail_.ends_with(std::string("<") + lower(c)) ||
                                  tail_.ends_with(std::string("</") + lower(c)))) {
        is_closing_ = tail_[tail_.size() - 2] == '/';
        at_ = At::tag_name;
        tag_.assign(1, lower(c));
      }
      return;
    case At::comment:
      if (tail_.ends_with("-->")) {
        at_ = At::text;
        tail_.clear();
      }
      return;
    case At::raw:
      if (closes_raw()) {
        is_closing_ = true;
        at_ = At::tag;
        if (c == '>') end_tag();
      }
      return;
    case At::tag_name:
      if (c == '>') return end_tag();
      if (is_html_blank(c) || c == '/') {
        at_ = At::tag;
      } else {
        tag_.push_back(lower(c));
      }
      return;
    case At::tag:
      if (c == '>') return end_tag();
      if (is_html_blank(c) || c == '/') return;
      at_ = At::attribute_name;
      attribute_.assign(1, lower(c));
      return;
    case At::attribute_name:
    case At::after_name:
      if (c == '>') return end_tag();
      if (c == '=') {
        at_ = At::before_value;
      } else if (is_html_blank(c)) {
        at_ = At::after_name;
      } else if (at_ == At::after_name) {
        at_ = At::attribute_name;
        attribute_.assign(1, lower(c));
      } else {
        attribute_.push_back(lower(c));
      }
      return;
    case At::before_value:
      if (c == '>') return end_tag();
      if (is_html_blank(c)) return;
      begin_value(c == '"' || c == '\'' ? c : '\0');
      return;
    case At::value:
      if (quote_ == 0) {
        if (c == '>') return end_tag();
        if (is_html_blank(c)) at_ = At::tag;
      } else if (c == quote_) {
        at_ = At::tag;
      } else if (c == '?' || c == '#') {
        url_ = Escape::url_query;
      } else if (url_ == Escape::url_start && !is_html_blank(c)) {
        url_ = Escape::url_path;
      }
      return;
  }
}

HtmlPlace::Escape HtmlPlace::escape() const {
  switch (at_) {
    case At::text:
      return tail_.ends_with('<') || tail_.ends_with("</") ? Escape::impossible : Escape::html;
    case At::comment:
      return Escape::dropped;
    case At::raw:
      return tag_ == "textarea" || tag_ == "title" ? Escape::html : Escape::impossible;
    case At::value:
      if (quote_ == 0 || kind_ == Kind::script) return Escape::impossible;
      return kind_ == Kind::url ? url_ : Escape::html;
    default:
      return Escape::impossible;
  }
}

void HtmlPlace::action(bool is_value) {
  tail_.clear();
  if (is_value && url_ == Escape::url_start) url_ = Escape::url_path;
}

}  // namespace causeway::router
