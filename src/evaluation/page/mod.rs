//! An evaluation as a page: one file of HTML and CSS, which fetches nothing and runs nothing. What the user wrote stands in it
//! escaped.

mod html;
mod mistakes;
mod plot;
mod tables;

use super::{Evaluation, Figures, MultiLabel, Regression, SingleLabel};
use html::{escaped, name, number};

const STYLE: &str = include_str!("style.css");

/// A heading with what is below it.
struct Section {
    id: &'static str,
    title: &'static str,
    body: String,
}

impl Evaluation {
    /// The evaluation as one page of HTML, for people: figures, which labels were confused, how far scores can be believed,
    /// every label, and the most confident mistakes with their texts. It is complete in itself, follows the reader's choice of
    /// light or dark, and can be read with the keyboard and on a narrow screen.
    pub fn html(&self) -> String {
        let (headline, mut sections) = match &self.figures {
            None => (Vec::new(), Vec::new()),
            Some(Figures::SingleLabel(figures)) => single_label(figures),
            Some(Figures::MultiLabel(figures)) => multi_label(figures),
            Some(Figures::Regression(figures)) => regression(figures),
        };
        sections.extend(mistakes::section(self));
        let subject = &self.subject;
        let title = match subject.model.as_str() {
            "" => "Evaluation".into(),
            model => format!("Evaluation of {}", escaped(model)),
        };
        let mut page = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta http-equiv=\"Content-Security-Policy\" \
             content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n\
             <link rel=\"icon\" href=\"data:,\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
             <header>\n<h1>{title}</h1>\n"
        );
        page += &self.subject_list();
        if sections.len() > 1 {
            page += "<nav aria-label=\"Sections\"><ul>\n";
            for Section { id, title, .. } in &sections {
                page += &format!("<li><a href=\"#{id}\">{title}</a></li>\n");
            }
            page += "</ul></nav>\n";
        }
        page += "</header>\n";
        page += &self.rows_not_scored();
        if !headline.is_empty() {
            page += "<dl class=\"headline\">\n";
            for (name, value) in headline {
                page += &format!("<div><dt>{name}</dt><dd>{}</dd></div>\n", number(value));
            }
            page += "</dl>\n";
        }
        for Section { id, title, body } in sections {
            page += &format!("<section aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{title}</h2>\n{body}</section>\n");
        }
        let version = env!("CARGO_PKG_VERSION");
        page += &format!(
            "<footer><p>Made by wgbert {version}. Precision, recall and F1 without a denominator are 0, and the other figures \
             are defined, as in scikit-learn. “–” stands for what is undefined.</p></footer>\n</main>\n</body>\n</html>\n"
        );
        page
    }

    fn subject_list(&self) -> String {
        let subject = &self.subject;
        let kind = match self.problem_type {
            "regression" => "values",
            "multi_label_classification" => "any number of labels a text",
            _ => "one label a text",
        };
        let rows = format!("{} scored of {}", html::count(self.rows.scored), html::count(self.rows.total()));
        let labels = self.labels.len().to_string();
        let known = [
            ("Data", subject.data.as_str()),
            ("Adapter", &subject.adapter),
            ("Answers", kind),
            ("Labels", &labels),
            ("Rows", &rows),
        ];
        let more = subject.details.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let mut list = "<dl class=\"subject\">\n".to_string();
        for (term, value) in known.into_iter().chain(more).filter(|(_, value)| !value.is_empty()) {
            list += &format!("<dt>{}</dt><dd>{}</dd>\n", escaped(term), name(value));
        }
        list + "</dl>\n"
    }

    fn rows_not_scored(&self) -> String {
        let kinds = self.rows.not_scored();
        let none = if self.rows.scored == 0 { "No row was scored. " } else { "" };
        match kinds.is_empty() && none.is_empty() {
            true => String::new(),
            false => {
                let rows = if kinds.is_empty() { "none was given".into() } else { kinds.join(", ") };
                format!("<p class=\"warning\">{none}Rows that the figures leave out: {rows}.</p>\n")
            }
        }
    }
}

type Headline = Vec<(&'static str, Option<f64>)>;

fn single_label(figures: &SingleLabel) -> (Headline, Vec<Section>) {
    let calibration = figures.calibration.as_ref();
    let headline = vec![
        ("Accuracy", Some(figures.accuracy)),
        ("Macro F1", Some(figures.averages.macro_.f1_score)),
        ("Weighted F1", Some(figures.averages.weighted.f1_score)),
        ("Matthews correlation", Some(figures.matthews_corrcoef)),
        ("Log loss", figures.log_loss),
        ("Brier score", figures.brier_score_loss),
        ("Calibration error", calibration.map(|calibration| calibration.expected_calibration_error)),
    ];
    let mut sections = Vec::new();
    let matrix = figures.confusion_matrix.as_ref().map(|matrix| tables::confusion_matrix(figures, matrix));
    let body = matrix.unwrap_or_default() + &tables::confusions(figures);
    sections.push(Section { id: "confusion", title: "What was confused", body });
    if let Some(calibration) = calibration {
        sections.push(Section { id: "calibration", title: "Calibration", body: plot::reliability(calibration) });
    }
    sections.push(Section {
        id: "labels",
        title: "Labels",
        body: tables::labels(&figures.per_label, &figures.averages),
    });
    (headline, sections)
}

fn multi_label(figures: &MultiLabel) -> (Headline, Vec<Section>) {
    let averages = &figures.averages;
    let headline = vec![
        ("Micro F1", Some(averages.micro.f1_score)),
        ("Macro F1", Some(averages.macro_.f1_score)),
        ("Weighted F1", Some(averages.weighted.f1_score)),
        ("Samples F1", averages.samples.map(|scores| scores.f1_score)),
        ("Subset accuracy", Some(figures.subset_accuracy)),
        ("Hamming loss", Some(figures.hamming_loss)),
        ("Log loss", figures.log_loss),
        ("Brier score", figures.brier_score_loss),
        ("Mean average precision", figures.mean_average_precision),
    ];
    let labels: Vec<_> = figures.per_label.iter().map(|label| label.per_label.clone()).collect();
    let sections = vec![
        Section { id: "labels", title: "Labels", body: tables::labels(&labels, averages) },
        Section { id: "thresholds", title: "Thresholds", body: tables::thresholds(figures) },
    ];
    (headline, sections)
}

fn regression(figures: &Regression) -> (Headline, Vec<Section>) {
    let mean = &figures.mean;
    let headline = vec![
        ("Pearson", mean.pearson),
        ("Spearman", mean.spearman),
        ("MSE", mean.mean_squared_error),
        ("RMSE", mean.root_mean_squared_error),
        ("MAE", mean.mean_absolute_error),
        ("R²", mean.r2_score),
    ];
    let outputs = Section { id: "outputs", title: "Outputs", body: tables::outputs(figures) };
    (headline, if figures.per_output.len() > 1 { vec![outputs] } else { Vec::new() })
}

#[cfg(test)]
#[path = "page_tests.rs"]
mod tests;
