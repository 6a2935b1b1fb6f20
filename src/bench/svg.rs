//! The few shapes that plots are made of, as SVG text.

use std::fmt::{self, Write};

/// Colours that people who see fewer colours can tell apart (Okabe and Ito 2008), and darker ones of the same.
const COLOURS: [&str; 13] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a7f00", "#555555", "#7a3b00", "#00493a",
    "#5c2a47", "#1a3a6e", "#a0a0a0",
];

/// The colour of the kernel at that place of the list: the same in every plot.
pub(super) fn colour(place: usize) -> &'static str {
    COLOURS[place % COLOURS.len()]
}

/// A drawing, whose lower right corner is `width`, `height`.
#[derive(Debug)]
pub(super) struct Svg {
    body: String,
    width: f64,
    height: f64,
}

/// Which side of its place a text stands on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

impl Svg {
    pub(super) fn new(width: f64, height: f64) -> Svg {
        Svg { body: String::new(), width, height }
    }

    fn add(&mut self, element: fmt::Arguments<'_>) {
        writeln!(self.body, "{element}").expect("a String takes everything");
    }

    pub(super) fn line(&mut self, from: [f64; 2], to: [f64; 2], colour: &str, width: f64) {
        let ([x1, y1], [x2, y2]) = (from, to);
        self.add(format_args!(
            r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" stroke="{colour}" stroke-width="{width}"/>"#
        ));
    }

    /// `title` is what a browser shows beside the pointer.
    pub(super) fn rectangle(&mut self, from: [f64; 2], size: [f64; 2], colour: &str, title: &str) {
        let ([x, y], [width, height]) = (from, size);
        let title = escaped(title);
        self.add(format_args!(
            r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" fill="{colour}"><title>{title}</title></rect>"#
        ));
    }

    pub(super) fn circle(&mut self, at: [f64; 2], radius: f64, colour: &str, title: &str) {
        let ([x, y], title) = (at, escaped(title));
        self.add(format_args!(
            r#"<circle cx="{x:.1}" cy="{y:.1}" r="{radius}" fill="{colour}" fill-opacity="0.8" stroke="white" stroke-width="0.5"><title>{title}</title></circle>"#
        ));
    }

    pub(super) fn text(&mut self, at: [f64; 2], size: f64, anchor: Anchor, text: &str) {
        self.turned(at, size, anchor, 0.0, text);
    }

    /// Around the place that it stands at, clockwise, in degrees.
    pub(super) fn turned(&mut self, at: [f64; 2], size: f64, anchor: Anchor, degrees: f64, text: &str) {
        let ([x, y], text) = (at, escaped(text));
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let turn =
            if degrees == 0.0 { String::new() } else { format!(r#" transform="rotate({degrees:.1} {x:.1} {y:.1})""#) };
        self.add(format_args!(
            r##"<text x="{x:.1}" y="{y:.1}" font-size="{size}" text-anchor="{anchor}" fill="#222222"{turn}>{text}</text>"##
        ));
    }

    pub(super) fn finish(self) -> String {
        let Svg { body, width, height } = self;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
             height=\"{height:.0}\" font-family=\"system-ui, 'DejaVu Sans', sans-serif\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n{body}</svg>\n"
        )
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
