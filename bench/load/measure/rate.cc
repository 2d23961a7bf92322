#include "bench/load/measure/rate.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/check.h"
#include "bench/load/measure/quantity.h"

namespace causeway::load {
namespace {

Error bad_rate(std::string_view text, std::string_view why) {
  return {.fault = Fault::invalid,
          .detail = "rate \"" + std::string(text) + "\": " + std::string(why)};
}

double seconds_of(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

void RateProfile::append(double from, double to, double length) {
  const double start = pieces_.empty() ? 0 : pieces_.back().start + pieces_.back().length;
  const double count = (from + to) / 2 * length;
  pieces_.push_back({from, to, start, length, total_, count});
  total_ += count;
}

Result<RateProfile> RateProfile::parse(std::string_view text, Duration duration, Duration warm_up) {
  struct Span {
    double from, to;
  };
  std::vector<Span> spans;
  for (std::string_view rest = text;;) {
    const size_t comma = rest.find(',');
    const std::string_view span = rest.substr(0, comma);
    const size_t colon = span.find(':');
    const auto from = parse_number(span.substr(0, colon));
    const auto to = colon == std::string_view::npos ? from : parse_number(span.substr(colon + 1));
    if (!from || !to)
      return bad_rate(text, "expected N, N:M (ramp) or N,M,... (steps), in requests a second");
    if (*from < 0 || *to < 0) return bad_rate(text, "a rate cannot be negative");
    if (*from + *to <= 0) return bad_rate(text, "a rate of 0 sends nothing");
    if (std::max(*from, *to) > rate_max)
      return bad_rate(text, "more than 10 million requests a second");
    spans.push_back({*from, *to});
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  if (duration <= Duration::zero()) return bad_rate(text, "the run has no duration");
  RateProfile profile;
  if (warm_up > Duration::zero())
    profile.append(spans.front().from, spans.front().from, seconds_of(warm_up));
  for (const Span& span : spans)
    profile.append(span.from, span.to, seconds_of(duration) / static_cast<double>(spans.size()));
  return profile;
}

double RateProfile::rate_at(Duration offset) const noexcept {
  const double at = seconds_of(offset);
  for (const Piece& piece : pieces_) {
    if (at < piece.start + piece.length)
      return piece.from + (piece.to - piece.from) * std::max(at - piece.start, 0.0) / piece.length;
  }
  return 0;
}

double RateProfile::count_before(Duration offset) const noexcept {
  const double at = seconds_of(offset);
  double count = 0;
  for (const Piece& piece : pieces_) {
    const double into = std::clamp(at - piece.start, 0.0, piece.length);
    const double rate = piece.from + (piece.to - piece.from) * into / piece.length;
    count += (piece.from + rate) / 2 * into;
  }
  return count;
}

Arrivals::Arrivals(const RateProfile& profile, Spacing spacing, uint64_t seed, unsigned worker,
                   unsigned workers)
    : profile_(profile),
      spacing_(spacing),
      // Far apart for neighbouring workers, whatever the seed.
      rng_(Rng(seed ^ (uint64_t{worker} << 32)).next()),
      step_(workers),
      position_(spacing == Spacing::constant ? worker : 0.0) {
  CHECK(worker < workers);
  if (spacing_ == Spacing::poisson) position_ = -std::log1p(-rng_.unit()) * step_;
}

std::optional<Duration> Arrivals::next() {
  const auto& pieces = profile_.pieces_;
  while (piece_ < pieces.size() && position_ >= pieces[piece_].before + pieces[piece_].count)
    ++piece_;
  if (piece_ == pieces.size()) return std::nullopt;
  const RateProfile::Piece& piece = pieces[piece_];
  const double into = position_ - piece.before;
  // Solves from * t + slope / 2 * t^2 = into, in the form that is stable for small slopes.
  const double slope = (piece.to - piece.from) / piece.length;
  const double root = std::sqrt(std::max(piece.from * piece.from + 2 * slope * into, 0.0));
  const double t = into <= 0 ? 0 : std::min(2 * into / (piece.from + root), piece.length);
  position_ += spacing_ == Spacing::constant ? step_ : -std::log1p(-rng_.unit()) * step_;
  return Duration(std::llround((piece.start + t) * 1e9));
}

}  // namespace causeway::load
