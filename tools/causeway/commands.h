#pragma once

namespace CLI {
class App;
}

namespace causeway::cli {

struct Context;

// `run`, `scale`, `stop`: what should run.
void add_app_commands(CLI::App& app, Context& context);

// `ps`, `routes`, `cells`: what does.
void add_view_commands(CLI::App& app, Context& context);

// `logs`, `events`: as it happens.
void add_stream_commands(CLI::App& app, Context& context);

// `task run`, `task list`.
void add_task_commands(CLI::App& app, Context& context);

// `dot ...`: the commands of cfdot.
void add_dot_commands(CLI::App& app, Context& context);

// `completion bash|zsh|fish`: prints a script made from the commands themselves.
void add_completion_command(CLI::App& app, Context& context);

}  // namespace causeway::cli
