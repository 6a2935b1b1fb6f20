//! Rows as pictures: kernels under the adapter's roof, models as bars.

use super::svg::{Anchor, Svg, colour};
use super::{Environment, KernelRow, ModelRow, Roof, precision_name};
use crate::kernels::NAMES;

const GREY: &str = "#dddddd";
const DARK: &str = "#222222";
const LEGEND: f64 = 150.0;

/// A logarithmic axis over a range of pixels.
struct Axis {
    /// Powers of ten at its ends.
    powers: [f64; 2],
    pixels: [f64; 2],
}

impl Axis {
    /// From the power of ten below the least to the one above the greatest.
    fn new(values: impl Iterator<Item = f64> + Clone, pixels: [f64; 2]) -> Axis {
        let powers = values.filter(|value| value.is_finite() && *value > 0.0).map(f64::log10);
        let (least, most) = (powers.clone().fold(f64::INFINITY, f64::min), powers.fold(f64::NEG_INFINITY, f64::max));
        let (least, most) = if least <= most { (least.floor(), most.ceil()) } else { (0.0, 1.0) };
        Axis { powers: [least, most.max(least + 1.0)], pixels }
    }

    fn place(&self, value: f64) -> f64 {
        let share = (value.log10() - self.powers[0]) / (self.powers[1] - self.powers[0]);
        self.pixels[0] + share * (self.pixels[1] - self.pixels[0])
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        (self.powers[0] as i32..=self.powers[1] as i32).map(|power| 10f64.powi(power))
    }

    fn ends(&self) -> [f64; 2] {
        self.powers.map(|power| 10f64.powf(power))
    }
}

/// Without digits that are not there: `0.01`, `10`, `1000`.
fn number(value: f64) -> String {
    let digits = (-value.log10().floor()).max(0.0) as usize;
    format!("{value:.digits$}")
}

fn heading(svg: &mut Svg, title: &str, environment: Option<&Environment>) {
    svg.text([20.0, 28.0], 17.0, Anchor::Start, title);
    if let Some(Environment { version, adapter, driver, cpus, .. }) = environment {
        let line = format!("wgbert {version} on {adapter}, {driver}, {cpus} CPUs");
        svg.text([20.0, 47.0], 11.0, Anchor::Start, &line);
    }
}

/// The kernels' names beside their colours, those that are in the picture.
fn legend(svg: &mut Svg, x: f64, y: f64, is_there: impl Fn(&str) -> bool) {
    let there = NAMES.iter().enumerate().filter(|(_, name)| is_there(name));
    for (line, (place, name)) in there.enumerate() {
        let y = y + 20.0 * line as f64;
        svg.rectangle([x, y - 9.0], [11.0, 11.0], colour(place), name);
        svg.text([x + 18.0, y], 12.0, Anchor::Start, name);
    }
}

fn place_of(kernel: &str) -> usize {
    NAMES.iter().position(|name| *name == kernel).unwrap_or_default()
}

/// Each kernel's speed over its operations a byte, under the roof of its adapter, as SVG. Kernels that compute nothing
/// are not in it.
pub fn roofline(rows: &[KernelRow]) -> String {
    const WIDTH: f64 = 900.0;
    const HEIGHT: f64 = 560.0;
    let (left, right, top, bottom) = (80.0, WIDTH - LEGEND, 70.0, HEIGHT - 60.0);
    let rows: Vec<&KernelRow> = rows.iter().filter(|row| row.operations > 0).collect();
    let mut svg = Svg::new(WIDTH, HEIGHT);
    heading(&mut svg, "Kernels under the roof of the adapter", rows.first().map(|row| &row.environment));

    let ridge = |row: &&KernelRow| row.roof.gflops / row.roof.gbytes;
    let x = Axis::new(rows.iter().flat_map(|row| [row.intensity(), 2.0 * ridge(row)]), [left, right]);
    let roofs = rows.iter().flat_map(|row| [row.gflops(), row.roof.gflops]);
    let y = Axis::new(roofs, [bottom, top]);
    for tick in x.ticks() {
        svg.line([x.place(tick), top], [x.place(tick), bottom], GREY, 1.0);
        svg.text([x.place(tick), bottom + 18.0], 12.0, Anchor::Middle, &number(tick));
    }
    for tick in y.ticks() {
        svg.line([left, y.place(tick)], [right, y.place(tick)], GREY, 1.0);
        svg.text([left - 8.0, y.place(tick) + 4.0], 12.0, Anchor::End, &number(tick));
    }
    svg.text([(left + right) / 2.0, HEIGHT - 18.0], 13.0, Anchor::Middle, "operations a byte");
    svg.turned([24.0, (top + bottom) / 2.0], 13.0, Anchor::Middle, -90.0, "GFLOP/s");

    let mut drawn: Vec<(&Environment, Roof)> = Vec::new();
    for row in &rows {
        let roof = row.roof;
        if drawn.contains(&(&row.environment, roof)) {
            continue;
        }
        drawn.push((&row.environment, roof));
        let [first, last] = x.ends();
        let ridge = ridge(row).clamp(first, last);
        // Where the roof starts below the picture it is cut off.
        let start = first.max(y.ends()[0] / roof.gbytes).min(ridge);
        let points = [start, ridge, last].map(|at| [x.place(at), y.place(roof.attainable(at))]);
        svg.line(points[0], points[1], DARK, 2.0);
        svg.line(points[1], points[2], DARK, 2.0);
        let [across, down] = [points[1][0] - points[0][0], points[1][1] - points[0][1]];
        let (middle, turn) = ([points[0][0] + across / 2.0, points[0][1] + down / 2.0 - 8.0], down.atan2(across));
        if across > 100.0 {
            let label = format!("{:.1} GB/s, copying", roof.gbytes);
            svg.turned(middle, 12.0, Anchor::Middle, turn.to_degrees(), &label);
        }
        let label = format!("{:.0} GFLOP/s, multiplying and adding", roof.gflops);
        svg.text([points[2][0] - 6.0, points[2][1] - 7.0], 12.0, Anchor::End, &label);
    }
    for row in &rows {
        let what = format!(
            "{} {}, {} {}: {:.3} ms, {:.1} GFLOP/s, {:.0}% of the roof",
            row.kernel,
            row.shape(),
            precision_name(row.precision),
            row.variant.name(),
            row.times.median() * 1e3,
            row.gflops(),
            row.share() * 100.0
        );
        let at = [x.place(row.intensity()), y.place(row.gflops())];
        svg.circle(at, 5.0, colour(place_of(row.kernel)), &what);
    }
    legend(&mut svg, right + 20.0, top + 10.0, |name| rows.iter().any(|row| row.kernel == name));
    svg.finish()
}

/// Tokens a second of each model and workload, each bar divided by the kernels' shares of the time, as SVG. Each model's
/// bars are to its own scale: those of a small one would leave nothing to see of a large one's.
pub fn bars(rows: &[ModelRow]) -> String {
    const WIDTH: f64 = 900.0;
    const STEP: f64 = 24.0;
    let (left, right, top) = (265.0, WIDTH - LEGEND - 90.0, 84.0);
    let groups: Vec<&[ModelRow]> = rows.chunk_by(|row, next| row.model == next.model).collect();
    let height = top + STEP * (rows.len() + groups.len()) as f64 + 20.0;
    let mut svg = Svg::new(WIDTH, height.max(top + 20.0 * NAMES.len() as f64));
    heading(
        &mut svg,
        "Tokens a second, by kernels' shares of the time; each model to its own scale",
        rows.first().map(|row| &row.environment),
    );

    let mut y = top;
    for group in groups {
        let most = group.iter().map(ModelRow::tokens_per_second).fold(f64::MIN_POSITIVE, f64::max);
        svg.line([left, y - 6.0], [left, y + STEP * group.len() as f64 - 2.0], DARK, 1.0);
        for row in group {
            bar(&mut svg, row, [left, y], [row.tokens_per_second() / most * (right - left), STEP - 8.0]);
            y += STEP;
        }
        y += STEP;
    }
    let shares = |row: &ModelRow| row.kernels.clone().map(|(_, shares)| shares).unwrap_or_default();
    let there: Vec<_> = rows.iter().flat_map(shares).filter(|(_, share)| *share >= 0.005).collect();
    legend(&mut svg, WIDTH - LEGEND, top + 10.0, |name| there.iter().any(|(kernel, _)| *kernel == name));
    svg.finish()
}

fn bar(svg: &mut Svg, row: &ModelRow, [left, y]: [f64; 2], [length, height]: [f64; 2]) {
    let mut name = row.model.clone();
    if !name.contains(&row.model_type) {
        name = format!("{name} as {}", row.model_type);
    }
    let label = format!("{}, {}", shortened(&name, 28), row.workload);
    svg.text([left - 10.0, y + 12.0], 12.0, Anchor::End, &label);
    let mut shares = row.kernels.as_ref().map_or_else(|| vec![("", 1.0)], |(_, shares)| shares.clone());
    // In one order in all bars.
    shares.sort_by_key(|(kernel, _)| place_of(kernel));
    let mut x = left;
    for (kernel, share) in shares {
        let what = format!("{label}: {kernel} {:.1}%", share * 100.0);
        let colour = if kernel.is_empty() { GREY } else { colour(place_of(kernel)) };
        svg.rectangle([x, y], [share * length, height], colour, &what);
        x += share * length;
    }
    let speed = format!("{:.0}", row.tokens_per_second());
    svg.text([left + length + 6.0, y + 12.0], 12.0, Anchor::Start, &speed);
}

/// Its end, which tells folders apart.
fn shortened(text: &str, length: usize) -> String {
    let count = text.chars().count();
    if count <= length {
        text.into()
    } else {
        format!("…{}", text.chars().skip(count - length + 1).collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_powers_of_ten() {
        let axis = Axis::new([0.3, f64::NAN, 0.0, 250.0].into_iter(), [0.0, 400.0]);
        assert_eq!(axis.ticks().map(number).collect::<Vec<_>>(), ["0.1", "1", "10", "100", "1000"]);
        assert_eq!([0.1, 1.0, 1000.0].map(|value| axis.place(value).round()), [0.0, 100.0, 400.0]);
        assert_eq!(Axis::new(std::iter::empty(), [0.0, 1.0]).ends(), [1.0, 10.0]);
    }

    #[test]
    fn nothing_measured_is_an_empty_picture() {
        for picture in [roofline(&[]), bars(&[])] {
            assert!(picture.starts_with("<svg") && picture.trim_end().ends_with("</svg>"), "{picture}");
        }
    }

    #[test]
    fn long_names_keep_their_end() {
        assert_eq!(shortened("minilm", 6), "minilm");
        assert_eq!(shortened("models/minilm", 7), "…minilm");
    }
}
