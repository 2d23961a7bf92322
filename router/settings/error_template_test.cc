#include "router/settings/error_template.h"

#include <string>

#include <gtest/gtest.h>

namespace causeway::router {
namespace {

const ErrorTemplate::Page example{
    .status = 404,
    .status_text = "Not Found",
    .message = "Requested route ('<a>+b&\"c\"') does not exist.",
    .header = [](std::string_view name) -> std::string_view {
      if (name == "X-Cf-Routererror") return "unknown_route";
      return name == "X-Evil" ? "javascript:alert(1)" : name == "X-Link" ? "http://h/a b?x=1" : "";
    }};

std::string page_of(std::string_view text, const ErrorTemplate::Page& page = example) {
  const auto parsed = ErrorTemplate::parse(text);
  if (!parsed) return "not parsed: " + parsed.error().detail;
  std::string out = ">";
  if (!(*parsed)->render(out, page)) return out + "failed";
  return out.substr(1);
}

TEST(ErrorTemplate, fields_are_escaped_as_in_go) {
  EXPECT_EQ(page_of("<h1>{{.Status}} {{ .StatusText }}</h1><p>{{.Message}}</p>"),
            "<h1>404 Not Found</h1><p>Requested route (&#39;&lt;a&gt;&#43;b&amp;&#34;c&#34;&#39;) "
            "does not exist.</p>");
  EXPECT_EQ(page_of("{{.Header.Get \"X-Cf-Routererror\"}}|{{ .Header.Get `Absent` }}|"),
            "unknown_route||");
  EXPECT_EQ(page_of(""), "");
  EXPECT_EQ(page_of("no action } {"), "no action } {");
}

TEST(ErrorTemplate, conditions) {
  constexpr const char* text =
      "{{if eq .Status 404 405}}gone{{else if and (ge .Status 500) (lt .Status 600)}}ours"
      "{{else}}other{{end}}";
  EXPECT_EQ(page_of(text), "gone");
  ErrorTemplate::Page page = example;
  page.status = 503;
  EXPECT_EQ(page_of(text, page), "ours");
  page.status = 400;
  EXPECT_EQ(page_of(text, page), "other");
  EXPECT_EQ(page_of("{{if eq (.Header.Get \"X-Cf-Routererror\") \"unknown_route\"}}yes{{end}}"),
            "yes");
  EXPECT_EQ(page_of("{{if .Header.Get \"Absent\"}}yes{{else}}no{{end}}"), "no");
  EXPECT_EQ(page_of("{{if not (ne .StatusText \"Not Found\")}}yes{{end}}"), "yes");
  EXPECT_EQ(page_of("{{if or false (gt .Status 403)}}{{if true}}in{{end}}{{end}}"), "in");
  EXPECT_EQ(page_of("{{le .Status 404}} {{ 7 }} {{\"<\"}}"), "true 7 &lt;");
}

TEST(ErrorTemplate, trimming_and_comments) {
  EXPECT_EQ(page_of("a  {{- /* }} not sent */ -}}  b"), "ab");
  EXPECT_EQ(page_of("a \n {{- .Status -}} \n b {{-3}}"), "a404b -3");
  EXPECT_EQ(page_of("a<!-- {{.Message}} <p> -->b<!---->c"), "abc");
}

TEST(ErrorTemplate, values_in_attributes) {
  EXPECT_EQ(page_of("<p class='{{.Message}}' data-x=\"{{.Status}}\">"),
            "<p class='Requested route (&#39;&lt;a&gt;&#43;b&amp;&#34;c&#34;&#39;) does not "
            "exist.' data-x=\"404\">");
  EXPECT_EQ(
      page_of(
          "<a href=\"{{.Header.Get \"X-Link\"}}\" href='/e/{{.StatusText}}?s={{.StatusText}}'>"),
      "<a href=\"http://h/a%20b?x=1\" href='/e/Not%20Found?s=Not%20Found'>");
  EXPECT_EQ(page_of("<a href=\"{{.Header.Get \"X-Evil\"}}\">"), "<a href=\"#ZgotmplZ\">");
  EXPECT_EQ(page_of("<script>if (a < b) {}</script><p>{{.Status}}<title>{{.Status}}</title>"),
            "<script>if (a < b) {}</script><p>404<title>404</title>");
}

TEST(ErrorTemplate, what_fails_only_when_it_is_reached) {
  EXPECT_EQ(page_of("a{{.Absent}}"), ">failed");
  EXPECT_EQ(page_of("{{if eq .Status \"404\"}}x{{end}}"), ">failed");
  EXPECT_EQ(page_of("{{if lt true false}}x{{end}}"), ">failed");
  EXPECT_EQ(page_of("{{if eq .Status 200}}{{.Absent}}{{else}}fine{{end}}"), "fine");
}

TEST(ErrorTemplate, mistakes_are_told_with_their_line) {
  const auto mistake = [](std::string_view text) {
    const auto parsed = ErrorTemplate::parse(text);
    return parsed ? std::string("none") : parsed.error().detail;
  };
  EXPECT_EQ(mistake("\n\n{{.Status"), "line 3: unclosed action");
  EXPECT_EQ(mistake("{{/* x"), "line 1: unclosed comment");
  EXPECT_EQ(mistake("{{if .Status}}x"), "line 1: {{if}} without {{end}}");
  EXPECT_EQ(mistake("{{end}}"), "line 1: {{end}} or {{else}} without {{if}}");
  EXPECT_EQ(mistake("{{else}}"), "line 1: {{end}} or {{else}} without {{if}}");
  EXPECT_EQ(mistake("{{if true}}{{else}}{{else}}{{end}}"), "line 1: {{else}} without {{end}}");
  EXPECT_EQ(mistake("{{range .Header}}{{end}}"), "line 1: not supported in error pages: \"range\"");
  EXPECT_EQ(mistake("{{$x := 1}}"), "line 1: not supported in error pages: \"$x\"");
  EXPECT_EQ(mistake("{{.Message | html}}"), "line 1: pipelines are not supported");
  EXPECT_EQ(mistake("{{.Status .Status}}"), "line 1: unexpected \".Status\"");
  EXPECT_EQ(mistake("{{not}}"), "line 1: wrong number of operands of not");
  EXPECT_EQ(mistake("{{}}"), "line 1: a value is missing");
  EXPECT_EQ(mistake("{{(eq 1 1}}"), "line 1: unclosed parenthesis");
  EXPECT_EQ(mistake("{{.Header}}"), "line 1: .Header is more than one value");
  EXPECT_EQ(mistake("{{.Header.Get X}}"), "line 1: not supported in error pages: \"X\"");
  EXPECT_EQ(mistake("{{.Header.Get 1}}"), "line 1: .Header.Get needs a name in quotes");
  EXPECT_EQ(mistake("{{\"a\\n\"}}"), "line 1: only \\\" and \\\\ are known in strings");
  for (const char* place :
       {"<script>{{.Status}}</script>", "<p class={{.Status}}>", "<p {{.Status}}>", "<{{.Status}}>",
        "<style>{{.Status}}</style>", "<p onclick='{{.Status}}'>", "<p style=\"{{.Status}}\">"}) {
    EXPECT_EQ(mistake(place),
              "line 1: a value inside a script, a style, a tag or an attribute without quotes")
        << place;
  }
  EXPECT_EQ(mistake("{{if true}}<a href='{{end}}"),
            "line 1: {{if}} whose branches end in different places of the page");
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "{{if true}}";
  EXPECT_EQ(mistake(deep), "line 1: nested too deeply");
  EXPECT_EQ(mistake("{{" + std::string(100, '(') + "}}"), "line 1: nested too deeply");
}

TEST(ErrorTemplate, a_file_that_cannot_be_read_is_named) {
  const auto read = ErrorTemplate::read("/absent/page.html");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().detail, "/absent/page.html: cannot be read");
}

}  // namespace
}  // namespace causeway::router
