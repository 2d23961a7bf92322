#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Plots as inline SVG: text in, text out. Colours are the page's CSS variables --run-0 .. --run-7.
namespace causeway::load {

inline constexpr size_t chart_colours = 8;

std::string escape_xml(std::string_view text);

struct Tick {
  double at = 0;
  std::string label;
};

struct Series {
  std::string label;
  size_t colour = 0;
  bool is_dashed = false;
  std::vector<std::pair<double, double>> points;  // rising x
};

struct LineChart {
  std::string title, x_label, y_label;
  bool y_is_logarithmic = false;  // values of 0 and less are drawn at the bottom
  double x_min = 0, x_max = 1;
  std::vector<Tick> x_ticks;
  std::string (*format)(double) = nullptr;  // of y values
  std::vector<Series> series;
};

struct Bar {
  std::string label;
  size_t colour = 0;
  double value = 0;
};

struct BarChart {
  std::string title;
  std::string (*format)(double) = nullptr;
  std::vector<Bar> bars;
};

// "" when there is nothing to draw.
std::string to_svg(const LineChart& chart);
std::string to_svg(const BarChart& chart);

// Ticks at round numbers from 0 to at least `max`, about `count` of them.
std::vector<double> round_ticks(double max, int count = 5);

}  // namespace causeway::load
