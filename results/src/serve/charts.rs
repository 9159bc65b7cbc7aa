//! Static drawings as SVG that follows the page's colours, light and dark.
//!
//! plotters paints fixed colours. Here it paints numbers that no picture has, one for each of
//! the page's colours, and afterwards each becomes a reference to that colour.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

const WIDTH: u32 = 560;
const HEIGHT: u32 = 260;
const FONT: &str = "system-ui, sans-serif";
/// plotters writes a font a quarter smaller than asked for.
const FONT_SIZE: f64 = 15.0;

const INK: RGBColor = RGBColor(1, 2, 3);
const DIM: RGBColor = RGBColor(1, 2, 4);
const LINE: RGBColor = RGBColor(1, 2, 5);
const FIRST: RGBColor = RGBColor(1, 2, 6);
const SECOND: RGBColor = RGBColor(1, 2, 7);

/// What each painted number stands for.
const COLOURS: [(&str, &str); 5] = [
    ("=\"#010203\"", "=\"var(--ink)\""),
    ("=\"#010204\"", "=\"var(--dim)\""),
    ("=\"#010205\"", "=\"var(--line)\""),
    ("=\"#010206\"", "=\"var(--ok)\""),
    ("=\"#010207\"", "=\"var(--info)\""),
];

/// How a vertical axis counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    /// From nothing.
    Linear,
    /// From 0 to 1.
    Share,
    /// By powers of ten.
    Powers,
}

/// What is drawn: values over names, in one series or two.
pub(super) struct Drawing<'d> {
    /// What it shows, for those who do not see it.
    pub(super) says: &'static str,
    pub(super) names: &'d [String],
    pub(super) scale: Scale,
    /// How a value is written.
    pub(super) write: fn(f64) -> String,
}

type Painted = Result<(), Box<dyn std::error::Error>>;

/// Pairs of bars, each with its value on top; the second of a pair is hollow.
pub(super) fn bars(drawing: &Drawing<'_>, pairs: &[(Option<f64>, Option<f64>)]) -> String {
    let values: Vec<f64> = pairs.iter().flat_map(|&(a, b)| [a, b]).flatten().collect();
    paint(drawing, &values, |chart, axis| {
        for (at, &(a, b)) in pairs.iter().enumerate() {
            let at = at as f64;
            for (value, from, colour, second) in
                [(a, at - 0.42, FIRST, false), (b, at + 0.05, SECOND, true)]
            {
                let Some(value) = value.filter(|value| axis.shows(*value)) else { continue };
                let (to, top) = (from + 0.37, axis.place(value));
                let corners = [(from, axis.low), (to, top)];
                chart.draw_series([Rectangle::new(
                    corners,
                    colour.mix(if second { 0.25 } else { 1.0 }).filled(),
                )])?;
                chart.draw_series([Rectangle::new(corners, colour.stroke_width(2))])?;
                let style = text(INK, HPos::Center, VPos::Bottom);
                let label = EmptyElement::at((f64::midpoint(from, to), top))
                    + Text::new((drawing.write)(value), (0, -3), style);
                chart.draw_series([label])?;
            }
        }
        Ok(())
    })
}

/// One line through the values there are; a gap where there is none.
pub(super) fn line(drawing: &Drawing<'_>, values: &[Option<f64>]) -> String {
    let known: Vec<f64> = values.iter().flatten().copied().collect();
    paint(drawing, &known, |chart, axis| {
        let point = |(at, value): (usize, &Option<f64>)| {
            value.filter(|value| axis.shows(*value)).map(|value| (at as f64, axis.place(value)))
        };
        let points: Vec<Option<(f64, f64)>> = values.iter().enumerate().map(point).collect();
        for stretch in points.split(Option::is_none) {
            let stretch = stretch.iter().flatten().copied();
            chart.draw_series(LineSeries::new(stretch, FIRST.stroke_width(2)))?;
        }
        let dots = points.iter().flatten().map(|&at| Circle::new(at, 4, FIRST.filled()));
        chart.draw_series(dots)?;
        Ok(())
    })
}

/// The vertical axis: where a value stands.
struct Axis {
    scale: Scale,
    low: f64,
    high: f64,
}

impl Axis {
    fn over(scale: Scale, values: &[f64]) -> Self {
        let shown = values.iter().copied().filter(|value| value.is_finite() && *value > 0.0);
        let high = shown.clone().fold(0.0, f64::max);
        match scale {
            Scale::Share => Self { scale, low: 0.0, high: 1.08 },
            Scale::Linear => {
                Self { scale, low: 0.0, high: if high > 0.0 { high * 1.15 } else { 1.0 } }
            }
            Scale::Powers => {
                let least = shown.fold(f64::INFINITY, f64::min);
                let (least, high) = if high > 0.0 { (least, high) } else { (1.0, 10.0) };
                let low = least.log10().floor() - 0.3;
                Self { scale, low, high: (high.log10() + 0.35).max(low + 1.0) }
            }
        }
    }

    fn shows(&self, value: f64) -> bool {
        value.is_finite() && (value > 0.0 || (value >= 0.0 && self.scale != Scale::Powers))
    }

    fn place(&self, value: f64) -> f64 {
        let place = if self.scale == Scale::Powers { value.log10() } else { value };
        place.clamp(self.low, self.high)
    }

    fn written(&self, place: f64, write: fn(f64) -> String) -> String {
        match self.scale {
            Scale::Powers => write(10_f64.powf(place)),
            Scale::Share if place > 1.0 => String::new(),
            Scale::Linear | Scale::Share => write(place),
        }
    }
}

type Chart<'c> = ChartContext<
    'c,
    SVGBackend<'c>,
    Cartesian2d<plotters::coord::types::RangedCoordf64, plotters::coord::types::RangedCoordf64>,
>;

/// Paints the axes and what `inside` adds; nothing where there is no value.
fn paint(
    drawing: &Drawing<'_>,
    values: &[f64],
    inside: impl FnOnce(&mut Chart<'_>, &Axis) -> Painted,
) -> String {
    if values.is_empty() {
        return "<p class=\"hint\">There is nothing to draw.</p>".to_owned();
    }
    let axis = Axis::over(drawing.scale, values);
    let mut svg = String::new();
    // Drawing into memory cannot fail; if it did, the table beside holds the same figures.
    if draw(drawing, &axis, &mut svg, inside).is_err() {
        return String::new();
    }
    let fixed = format!("width=\"{WIDTH}\" height=\"{HEIGHT}\"");
    let named = format!("class=\"chart\" role=\"img\" aria-label=\"{}\"", drawing.says);
    let svg = svg.replacen(&fixed, &named, 1);
    COLOURS.iter().fold(svg, |svg, (painted, meant)| svg.replace(painted, meant))
}

fn draw(
    drawing: &Drawing<'_>,
    axis: &Axis,
    svg: &mut String,
    inside: impl FnOnce(&mut Chart<'_>, &Axis) -> Painted,
) -> Painted {
    let area = SVGBackend::with_string(svg, (WIDTH, HEIGHT)).into_drawing_area();
    let last = drawing.names.len().max(1) as f64 - 1.0;
    let mut chart = ChartBuilder::on(&area)
        .margin_top(12)
        .margin_right(14)
        .margin_left(4)
        .margin_bottom(4)
        .x_label_area_size(30)
        .y_label_area_size(74)
        .build_cartesian_2d(-0.5..last + 0.5, axis.low..axis.high)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .x_labels(0)
        .y_labels(5)
        .y_label_formatter(&|place| axis.written(*place, drawing.write))
        .y_label_style((FONT, FONT_SIZE).into_font().color(&DIM))
        .bold_line_style(LINE)
        .light_line_style(TRANSPARENT)
        .axis_style(DIM)
        .draw()?;
    inside(&mut chart, axis)?;
    let room = (WIDTH as usize - 92) / 7;
    let longest = drawing.names.iter().map(|name| name.chars().count()).max().unwrap_or(0) + 2;
    let every = (drawing.names.len() * longest).div_ceil(room).max(1);
    for (at, name) in drawing.names.iter().enumerate().step_by(every) {
        let (x, y) = chart.backend_coord(&(at as f64, axis.low));
        area.draw(&Text::new(name.clone(), (x, y + 9), text(DIM, HPos::Center, VPos::Top)))?;
    }
    drop(chart);
    area.present()?;
    Ok(())
}

fn text(colour: RGBColor, h: HPos, v: VPos) -> TextStyle<'static> {
    (FONT, FONT_SIZE).into_font().color(&colour).pos(Pos::new(h, v))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawing(names: &[String]) -> Drawing<'_> {
        Drawing {
            says: "values",
            names,
            scale: Scale::Powers,
            write: |value| format!("{value:.0}"),
        }
    }

    #[test]
    fn every_colour_is_one_of_the_page() {
        let names = ["p50".to_owned(), "<script>".to_owned()];
        let svg = bars(&drawing(&names), &[(Some(1.0), Some(20.0)), (None, Some(3_000.0))]);
        assert!(svg.contains("var(--ok)") && svg.contains("var(--info)"), "{svg}");
        assert!(!svg.contains("=\"#"), "{svg}");
        assert!(!svg.contains("<script>"), "{svg}");
        assert!(svg.contains(">\n3000\n<") || svg.contains("3000"), "{svg}");
    }

    #[test]
    fn values_that_are_none_are_not_drawn() {
        let names: Vec<String> = (0..5).map(|n| n.to_string()).collect();
        for values in [
            vec![Some(f64::NAN); 5],
            vec![Some(f64::INFINITY), Some(0.0), None, Some(-1.0), Some(1e300)],
            vec![None; 5],
        ] {
            for scale in [Scale::Linear, Scale::Share, Scale::Powers] {
                let svg = line(&Drawing { scale, ..drawing(&names) }, &values);
                assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            }
        }
    }
}
