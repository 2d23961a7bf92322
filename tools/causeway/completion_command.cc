#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>

#include "tools/causeway/commands.h"
#include "tools/causeway/context.h"

namespace causeway::cli {
namespace {

// Words that may follow a command: its subcommands and long options.
std::string words_after(const CLI::App& command) {
  std::string words;
  for (const CLI::App* sub : command.get_subcommands([](const CLI::App*) { return true; }))
    words += sub->get_name() + " ";
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) words += "--" + name + " ";
  }
  return words;
}

// One "path) words ;;" line for a command and each below it; the path is its names joined by
// blanks.
void append_cases(std::string& out, const CLI::App& command, const std::string& path) {
  out += "    \"" + path + "\") words=\"" + words_after(command) + "\" ;;\n";
  for (const CLI::App* sub : command.get_subcommands([](const CLI::App*) { return true; })) {
    append_cases(out, *sub, path.empty() ? sub->get_name() : path + " " + sub->get_name());
  }
}

std::string bash_script(const CLI::App& root) {
  std::string out =
      "# bash completion of causeway; made by `causeway completion bash`\n"
      "_causeway() {\n"
      "  local path= words= word i\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    word=${COMP_WORDS[i]}\n"
      "    case $word in -*) ;; ";
  out +=
      "*) case \" $(_causeway_words \"$path\") \" in *\" $word \"*) path=\"${path:+$path }$word\" "
      ";; esac ;; esac\n";
  out +=
      "  done\n"
      "  words=$(_causeway_words \"$path\")\n"
      "  case $path in ps | scale | stop | logs) words=\"$words $(_causeway_apps)\" ;; esac\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
      "}\n"
      "_causeway_apps() { causeway ps --json 2>/dev/null | grep -o "
      "'\"apps\":\\[.*\\],\"instances\"' | "
      "grep -o '\"name\":\"[^\"]*\"' | cut -d'\"' -f4 | sort -u; }\n"
      "_causeway_words() {\n"
      "  local words=\n"
      "  case $1 in\n";
  append_cases(out, root, "");
  out +=
      "  esac\n"
      "  echo \"$words\"\n"
      "}\n"
      "complete -F _causeway causeway\n";
  return out;
}

}  // namespace

void add_completion_command(CLI::App& app, Context& context) {
  const auto shell = std::make_shared<std::string>();
  CLI::App& command = *app.add_subcommand("completion", "print a completion script for a shell");
  command.footer("Example:\n  source <(causeway completion bash)");
  command.add_option("shell", *shell, "bash or zsh")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh"}));
  command.callback([&app, &context, shell] {
    const std::string script = bash_script(app);
    // zsh runs bash's completion functions through its own bridge.
    const std::string bridge =
        *shell == "zsh" ? "autoload -U +X bashcompinit && bashcompinit\n" : "";
    std::printf("%s%s", bridge.c_str(), script.c_str());
    context.exit_status = 0;
  });
}

}  // namespace causeway::cli
