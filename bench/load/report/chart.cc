#include "bench/load/report/chart.h"

#include <algorithm>
#include <cmath>

#include "bench/load/measure/quantity.h"

namespace causeway::load {
namespace {

constexpr double chart_width = 900, chart_height = 380;
constexpr double left_margin = 78, right_margin = 20, top_margin = 40, bottom_margin = 52;
constexpr double plot_width = chart_width - left_margin - right_margin,
                 plot_height = chart_height - top_margin - bottom_margin;
constexpr double bar_height = 24, bar_gap = 10, bar_left = 240, bar_right = 110;

std::string place(double number) { return fixed(number, 1); }

std::string text_at(double x, double y, std::string_view anchor, std::string_view text,
                    std::string_view extra = "") {
  return "<text x=\"" + place(x) + "\" y=\"" + place(y) + "\" text-anchor=\"" +
         std::string(anchor) + "\"" + std::string(extra) + ">" + escape_xml(text) + "</text>\n";
}

std::string line(double x1, double y1, double x2, double y2, std::string_view kind) {
  return "<line class=\"" + std::string(kind) + "\" x1=\"" + place(x1) + "\" y1=\"" + place(y1) +
         "\" x2=\"" + place(x2) + "\" y2=\"" + place(y2) + "\"/>\n";
}

std::string open_svg(std::string_view title, double tall) {
  return "<svg viewBox=\"0 0 " + fixed(chart_width, 0) + " " + fixed(tall, 0) +
         "\" role=\"img\" xmlns=\"http://www.w3.org/2000/svg\"><title>" + escape_xml(title) +
         "</title>\n" + text_at(left_margin, 22, "start", title, " class=\"heading\"");
}

std::string colour_of(size_t colour) {
  return "var(--run-" + std::to_string(colour % chart_colours) + ")";
}

// The vertical axis: where values lie, and its ticks.
struct Scale {
  bool is_logarithmic = false;
  double low = 0, high = 1;
  std::vector<double> ticks;

  double y(double value) const {
    double share = 0;
    if (is_logarithmic) {
      share = value <= low
                  ? 0
                  : (std::log10(value) - std::log10(low)) / (std::log10(high) - std::log10(low));
    } else {
      share = (value - low) / (high - low);
    }
    return top_margin + plot_height * (1 - std::clamp(share, 0.0, 1.0));
  }
};

Scale scale_of(const LineChart& chart) {
  double least = INFINITY, most = 0;
  for (const Series& series : chart.series) {
    for (const auto& [x, y] : series.points) {
      if (y > 0) least = std::min(least, y);
      most = std::max(most, y);
    }
  }
  Scale scale{.is_logarithmic = chart.y_is_logarithmic, .low = 0, .high = 1, .ticks = {}};
  if (most <= 0) {
    scale.is_logarithmic = false;
    scale.ticks = {0, 1};
  } else if (chart.y_is_logarithmic) {
    scale.low = std::pow(10, std::floor(std::log10(least)));
    scale.high = std::pow(10, std::ceil(std::log10(most)));
    if (scale.high <= scale.low) scale.high = scale.low * 10;
    for (double tick = scale.low; tick <= scale.high * 1.01; tick *= 10)
      scale.ticks.push_back(tick);
  } else {
    scale.ticks = round_ticks(most);
    scale.high = scale.ticks.back();
  }
  return scale;
}

std::string draw_axes(const LineChart& chart, const Scale& scale) {
  const auto format = [&](double value) {
    return chart.format != nullptr ? chart.format(value) : grouped(value);
  };
  std::string svg;
  for (const double tick : scale.ticks) {
    svg += line(left_margin, scale.y(tick), chart_width - right_margin, scale.y(tick), "grid");
    svg += text_at(left_margin - 8, scale.y(tick) + 4, "end", format(tick));
  }
  const double span = std::max(chart.x_max - chart.x_min, 1e-12);
  for (const Tick& tick : chart.x_ticks) {
    if (tick.at < chart.x_min - 1e-9 || tick.at > chart.x_max + 1e-9) continue;
    const double x = left_margin + plot_width * (tick.at - chart.x_min) / span;
    svg += line(x, top_margin, x, top_margin + plot_height, "grid");
    svg += text_at(x, top_margin + plot_height + 18, "middle", tick.label);
  }
  svg += line(left_margin, top_margin + plot_height, chart_width - right_margin,
              top_margin + plot_height, "axis");
  svg += text_at(left_margin + plot_width / 2, chart_height - 12, "middle", chart.x_label,
                 " class=\"label\"");
  svg += text_at(chart_width - right_margin, 22, "end", chart.y_label, " class=\"label\"");
  return svg;
}

std::string draw_series(const LineChart& chart, const Series& series, const Scale& scale) {
  const double span = std::max(chart.x_max - chart.x_min, 1e-12);
  std::string points;
  for (const auto& [x, y] : series.points) {
    if (!std::isfinite(x) || !std::isfinite(y) || x < chart.x_min || x > chart.x_max + 1e-9)
      continue;
    points +=
        place(left_margin + plot_width * (x - chart.x_min) / span) + "," + place(scale.y(y)) + " ";
  }
  if (points.empty()) return "";
  points.pop_back();
  return "<polyline fill=\"none\" stroke=\"" + colour_of(series.colour) + "\" stroke-width=\"" +
         (series.is_dashed ? "1.5\" stroke-dasharray=\"5 4" : "2.5") + "\" points=\"" + points +
         "\"><title>" + escape_xml(series.label) + "</title></polyline>\n";
}

}  // namespace

std::string escape_xml(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        // Control characters have no place in XML at all.
        escaped += static_cast<unsigned char>(c) < ' ' && c != '\n' && c != '\t' ? ' ' : c;
    }
  }
  return escaped;
}

std::vector<double> round_ticks(double max, int count) {
  if (!(max > 0) || !std::isfinite(max)) return {0, 1};
  const double rough = max / count;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power < rough * (1 - 1e-9)) continue;
    step = factor * power;
    break;
  }
  std::vector<double> ticks;
  for (int i = 0; i == 0 || ticks.back() < max * (1 - 1e-9); ++i) ticks.push_back(i * step);
  return ticks;
}

std::string to_svg(const LineChart& chart) {
  const bool has_points = std::any_of(chart.series.begin(), chart.series.end(),
                                      [](const Series& series) { return !series.points.empty(); });
  if (!has_points) return "";
  const Scale scale = scale_of(chart);
  std::string svg = open_svg(chart.title, chart_height) + draw_axes(chart, scale);
  for (const Series& series : chart.series) svg += draw_series(chart, series, scale);
  return svg + "</svg>\n";
}

std::string to_svg(const BarChart& chart) {
  if (chart.bars.empty()) return "";
  double most = 0;
  for (const Bar& bar : chart.bars) most = std::max(most, bar.value);
  const double tall =
      top_margin + static_cast<double>(chart.bars.size()) * (bar_height + bar_gap) + bar_gap;
  std::string svg = open_svg(chart.title, tall);
  double y = top_margin + bar_gap / 2;
  for (const Bar& bar : chart.bars) {
    const double length = most > 0 ? (chart_width - bar_left - bar_right) * bar.value / most : 0;
    svg += text_at(bar_left - 10, y + bar_height / 2 + 4, "end", bar.label);
    svg += "<rect x=\"" + place(bar_left) + "\" y=\"" + place(y) + "\" width=\"" +
           place(std::max(length, 1.0)) + "\" height=\"" + place(bar_height) +
           "\" rx=\"2\" fill=\"" + colour_of(bar.colour) + "\"/>\n";
    svg += text_at(bar_left + length + 8, y + bar_height / 2 + 4, "start",
                   chart.format != nullptr ? chart.format(bar.value) : grouped(bar.value, 1));
    y += bar_height + bar_gap;
  }
  return svg + "</svg>\n";
}

}  // namespace causeway::load
