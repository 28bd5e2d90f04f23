//! Two kinds of plots as SVG, for light and dark pages.

use std::fmt::Write as _;

use super::grid::number_text;
use super::spread::Spread;

const WIDTH: f64 = 760.0;

/// One for each server, good to tell apart on white and on black.
const COLOURS: [&str; 5] = ["#e8590c", "#868e96", "#228be6", "#2f9e44", "#ae3ec9"];

const STYLE: &str = "\
<style>
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-size: 16px; font-weight: 600 }
.small { font-size: 12px }
.grid { stroke: #8c959f; stroke-opacity: 0.3 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } }
</style>
";

/// Groups of horizontal bars from zero.
pub(super) struct Bars<'a> {
    pub(super) title: &'a str,
    /// What the lengths are.
    pub(super) axis: &'a str,
    /// Behind each number.
    pub(super) unit: &'a str,
    /// The names of the bars, one for each colour.
    pub(super) series: &'a [&'a str],
    /// A title, and a value for each of the series.
    pub(super) groups: Vec<(&'a str, Vec<Option<f64>>)>,
}

/// Lines over values at equal distances, on a logarithmic scale.
pub(super) struct Lines<'a> {
    pub(super) title: &'a str,
    pub(super) x: &'a str,
    pub(super) y: &'a str,
    pub(super) ticks: Vec<String>,
    /// A name, and a value for each of the ticks.
    pub(super) series: Vec<(&'a str, Vec<Option<Spread>>)>,
}

impl Bars<'_> {
    pub(super) fn svg(&self) -> String {
        const LEFT: f64 = 100.0;
        const BAR: f64 = 14.0;
        let values = self.groups.iter().flat_map(|(_, values)| values);
        let most = values.copied().flatten().fold(1.0, f64::max);
        let scale = (WIDTH - LEFT - 80.0) / most;
        let mut shapes = String::new();
        let mut y = 60.0;
        for (title, values) in &self.groups {
            y += 24.0;
            shapes += &text(16.0, y, "", title);
            y += 8.0;
            let bars = self.series.iter().zip(values).zip(COLOURS);
            for ((name, value), colour) in bars {
                let Some(value) = value else { continue };
                let middle = y + BAR - 3.0;
                let width = value * scale;
                shapes += &text(LEFT - 8.0, middle, "small\" text-anchor=\"end", name);
                _ = writeln!(
                    shapes,
                    "<rect x=\"{LEFT}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{BAR}\" \
                     fill=\"{colour}\"/>"
                );
                let number = format!("{} {}", number_text(*value), self.unit);
                shapes += &text(LEFT + width + 6.0, middle, "small", &number);
                y += BAR + 3.0;
            }
        }
        document(self.title, y + 16.0, |svg| {
            *svg += &text(16.0, 50.0, "small", self.axis);
            *svg += &shapes;
        })
    }
}

impl Lines<'_> {
    pub(super) fn svg(&self) -> String {
        const HEIGHT: f64 = 440.0;
        const LEFT: f64 = 84.0;
        const RIGHT: f64 = WIDTH - 24.0;
        const TOP: f64 = 84.0;
        const BOTTOM: f64 = HEIGHT - 60.0;
        let spreads = self.series.iter().flat_map(|(_, values)| values).flatten();
        let (low, high) = decades(spreads);
        let across = (RIGHT - LEFT) / self.ticks.len().saturating_sub(1).max(1) as f64;
        let x = |at: usize| LEFT + across * at as f64;
        let y = |value: f64| {
            let part = (value.log10() - f64::from(low)) / f64::from(high - low);
            BOTTOM - part * (BOTTOM - TOP)
        };
        document(self.title, HEIGHT, |svg| {
            for power in low..=high {
                let value = 10_f64.powi(power);
                let at = y(value);
                let tick = power_text(power);
                *svg += &line((LEFT, at), (RIGHT, at), "class=\"grid\"");
                *svg += &text(LEFT - 8.0, at + 4.0, "small\" text-anchor=\"end", &tick);
            }
            for (at, tick) in self.ticks.iter().enumerate() {
                *svg += &line((x(at), TOP), (x(at), BOTTOM), "class=\"grid\"");
                *svg += &text(x(at), BOTTOM + 20.0, "small\" text-anchor=\"middle", tick);
            }
            let middle = f64::midpoint(LEFT, RIGHT);
            *svg += &text(middle, HEIGHT - 14.0, "\" text-anchor=\"middle", self.x);
            *svg += &text(16.0, TOP - 12.0, "", self.y);
            for (at, ((name, values), colour)) in self.series.iter().zip(COLOURS).enumerate() {
                let left = 16.0 + 120.0 * at as f64;
                let stroke = format!("stroke=\"{colour}\" stroke-width=\"2.5\"");
                *svg += &line((left, 46.0), (left + 18.0, 46.0), &stroke);
                *svg += &text(left + 24.0, 50.0, "small", name);
                let points: Vec<_> = values
                    .iter()
                    .enumerate()
                    .filter_map(|(at, spread)| Some((x(at), (*spread)?)))
                    .collect();
                for pair in points.windows(2) {
                    let [(x1, one), (x2, two)] = pair else {
                        continue;
                    };
                    let ends = ((*x1, y(one.median)), (*x2, y(two.median)));
                    *svg += &line(ends.0, ends.1, &stroke);
                }
                for (x, spread) in points {
                    let stroke = format!("stroke=\"{colour}\"");
                    *svg += &line((x, y(spread.low)), (x, y(spread.high)), &stroke);
                    let y = y(spread.median);
                    _ = writeln!(
                        svg,
                        "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{colour}\"/>"
                    );
                }
            }
        })
    }
}

/// The powers of ten around all values.
fn decades<'a>(spreads: impl Iterator<Item = &'a Spread>) -> (i32, i32) {
    let (least, most) = spreads.fold((f64::INFINITY, 0_f64), |(least, most), spread| {
        (least.min(spread.low), most.max(spread.high))
    });
    if least > most || least <= 0.0 {
        return (0, 1);
    }
    let low = least.log10().floor() as i32;
    (low, (most.log10().ceil() as i32).max(low + 1))
}

/// A power of ten: `0.01`, `1`, `10,000`.
fn power_text(power: i32) -> String {
    if power < 2 {
        10_f64.powi(power).to_string()
    } else {
        number_text(10_f64.powi(power))
    }
}

fn document(title: &str, height: f64, draw: impl FnOnce(&mut String)) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" \
         width=\"{WIDTH}\" height=\"{height:.0}\" role=\"img\">\n<title>{}</title>\n{STYLE}",
        escaped(title)
    );
    svg += &text(16.0, 26.0, "title", title);
    draw(&mut svg);
    svg + "</svg>\n"
}

fn text(x: f64, y: f64, class: &str, text: &str) -> String {
    let text = escaped(text);
    format!("<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"{class}\">{text}</text>\n")
}

fn line((x1, y1): (f64, f64), (x2, y2): (f64, f64), attributes: &str) -> String {
    format!("<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" {attributes}/>\n")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_drawn() {
        let bars = Bars {
            title: "A < B",
            axis: "times",
            unit: "×",
            series: &["one", "two"],
            groups: vec![("small", vec![Some(50.0), Some(1.0)]), ("none", vec![None])],
        };
        let expected = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 760 174\" width=\"760\" \
             height=\"174\" role=\"img\">\n<title>A &lt; B</title>\n{STYLE}\
             <text x=\"16.0\" y=\"26.0\" class=\"title\">A &lt; B</text>\n\
             <text x=\"16.0\" y=\"50.0\" class=\"small\">times</text>\n\
             <text x=\"16.0\" y=\"84.0\" class=\"\">small</text>\n\
             <text x=\"92.0\" y=\"103.0\" class=\"small\" text-anchor=\"end\">one</text>\n\
             <rect x=\"100\" y=\"92.0\" width=\"580.0\" height=\"14\" fill=\"#e8590c\"/>\n\
             <text x=\"686.0\" y=\"103.0\" class=\"small\">50.0 ×</text>\n\
             <text x=\"92.0\" y=\"120.0\" class=\"small\" text-anchor=\"end\">two</text>\n\
             <rect x=\"100\" y=\"109.0\" width=\"11.6\" height=\"14\" fill=\"#868e96\"/>\n\
             <text x=\"117.6\" y=\"120.0\" class=\"small\">1.00 ×</text>\n\
             <text x=\"16.0\" y=\"150.0\" class=\"\">none</text>\n\
             </svg>\n"
        );
        assert_eq!(bars.svg(), expected);
    }

    #[test]
    fn lines_are_drawn_where_there_are_values() {
        let spread = |low, median, high| Some(Spread { low, median, high });
        let lines = Lines {
            title: "Curve",
            x: "size",
            y: "ms",
            ticks: vec!["1".to_owned(), "10".to_owned(), "100".to_owned()],
            series: vec![(
                "one",
                vec![spread(1.0, 10.0, 100.0), None, spread(10.0, 10.0, 10.0)],
            )],
        };
        let grid = |y: &str| {
            format!("<line x1=\"84.0\" y1=\"{y}\" x2=\"736.0\" y2=\"{y}\" class=\"grid\"/>\n")
        };
        let label = |y: &str, text: &str| {
            let class = "class=\"small\" text-anchor=\"end\"";
            format!("<text x=\"76.0\" y=\"{y}\" {class}>{text}</text>\n")
        };
        let tick = |x: &str, text: &str| {
            let class = "class=\"small\" text-anchor=\"middle\"";
            format!(
                "<line x1=\"{x}\" y1=\"84.0\" x2=\"{x}\" y2=\"380.0\" class=\"grid\"/>\n\
                 <text x=\"{x}\" y=\"400.0\" {class}>{text}</text>\n"
            )
        };
        let stroke = "stroke=\"#e8590c\"";
        let thick = format!("{stroke} stroke-width=\"2.5\"");
        let expected = [
            grid("380.0") + &label("384.0", "1"),
            grid("232.0") + &label("236.0", "10"),
            grid("84.0") + &label("88.0", "100"),
            tick("84.0", "1") + &tick("410.0", "10") + &tick("736.0", "100"),
            "<text x=\"410.0\" y=\"426.0\" class=\"\" text-anchor=\"middle\">size</text>\n\
             <text x=\"16.0\" y=\"72.0\" class=\"\">ms</text>\n"
                .to_owned(),
            format!("<line x1=\"16.0\" y1=\"46.0\" x2=\"34.0\" y2=\"46.0\" {thick}/>\n"),
            "<text x=\"40.0\" y=\"50.0\" class=\"small\">one</text>\n".to_owned(),
            format!("<line x1=\"84.0\" y1=\"232.0\" x2=\"736.0\" y2=\"232.0\" {thick}/>\n"),
            format!("<line x1=\"84.0\" y1=\"380.0\" x2=\"84.0\" y2=\"84.0\" {stroke}/>\n"),
            "<circle cx=\"84.0\" cy=\"232.0\" r=\"3.5\" fill=\"#e8590c\"/>\n".to_owned(),
            format!("<line x1=\"736.0\" y1=\"232.0\" x2=\"736.0\" y2=\"232.0\" {stroke}/>\n"),
            "<circle cx=\"736.0\" cy=\"232.0\" r=\"3.5\" fill=\"#e8590c\"/>\n</svg>\n".to_owned(),
        ]
        .concat();
        let svg = lines.svg();
        let (_, drawn) = svg.split_once("class=\"title\">Curve</text>\n").unwrap();
        assert_eq!(drawn, expected);
    }

    #[test]
    fn the_scale_has_whole_decades() {
        let spread = |low, high| Spread {
            low,
            median: low,
            high,
        };
        assert_eq!(
            decades([spread(0.5, 2.0), spread(9.0, 1_500.0)].iter()),
            (-1, 4)
        );
        assert_eq!(decades([spread(10.0, 10.0)].iter()), (1, 2));
        assert_eq!(decades([].iter()), (0, 1));
    }
}
