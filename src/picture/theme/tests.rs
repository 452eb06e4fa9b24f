//! What is asked of every theme, and what is said of a file that is none.

#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

/// Simulated protanopia and deuteranopia of full severity, on linear RGB.
///
/// G. M. Machado, M. M. Oliveira, L. A. F. Fernandes, A physiologically-based model for simulation of color vision
/// deficiency, IEEE TVCG 15(6) (2009), table 1.
const DEFICIENCIES: [[[f64; 3]; 3]; 2] = [
    [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
];

/// Smallest distance in CIELAB (1976) of two categories, seen by anyone; 2.3 is what can just be noticed side by side.
const APART: f64 = 12.0;

fn themes() -> Vec<(&'static str, Theme)> {
    Theme::names().map(|name| (name, Theme::named(name).unwrap())).collect()
}

/// Linear RGB as CIELAB under D65.
fn lab([r, g, b]: [f64; 3]) -> [f64; 3] {
    let f = |t: f64| if t > 216.0 / 24389.0 { libm::cbrt(t) } else { (24389.0 / 27.0 * t + 16.0) / 116.0 };
    let x = f((0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047);
    let y = f(0.2126729 * r + 0.7151522 * g + 0.0721750 * b);
    let z = f((0.0193339 * r + 0.1191920 * g + 0.9503041 * b) / 1.08883);
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

fn seen(colour: Rgb, deficiency: &[[f64; 3]; 3]) -> [f64; 3] {
    let light = colour.linear();
    lab(deficiency.map(|row| row.iter().zip(light).map(|(a, b)| a * b).sum::<f64>().clamp(0.0, 1.0)))
}

fn distance(a: [f64; 3], b: [f64; 3]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
}

#[test]
fn words_can_be_read_on_page_and_ground() {
    for (name, theme) in themes() {
        for words in [Token::Text, Token::Muted, Token::Goal] {
            for behind in [Token::Page, Token::Ground] {
                let contrast = theme.token(words).contrast(theme.token(behind));
                assert!(contrast >= 4.5, "{name}: {words:?} on {behind:?} has {contrast:.2}:1");
            }
        }
    }
}

#[test]
fn categories_stay_apart_for_people_who_see_no_red_or_green() {
    for (name, theme) in themes() {
        for deficiency in &DEFICIENCIES {
            for (i, one) in theme.categories.iter().enumerate() {
                for other in &theme.categories[..i] {
                    let found = distance(seen(*one, deficiency), seen(*other, deficiency));
                    assert!(found >= APART, "{name}: {one:?} and {other:?} are {found:.1} apart");
                }
            }
        }
    }
}

#[test]
fn the_ends_of_the_maps_stay_apart_and_the_sequential_one_only_gets_brighter() {
    for (name, theme) in themes() {
        for deficiency in &DEFICIENCIES {
            let end = |value| seen(theme.rgb(Colour::Diverging(value)), deficiency);
            assert!(distance(end(-1.0), end(1.0)) > 60.0, "{name}");
            let brightness: Vec<f64> = theme.sequential.iter().map(|stop| seen(*stop, deficiency)[0]).collect();
            assert!(brightness.is_sorted(), "{name}: {brightness:?}");
        }
    }
}

#[test]
fn every_shipped_theme_is_read_and_the_default_is_dark() {
    assert_eq!(themes().len(), 3);
    assert_eq!(Theme::default(), Theme::named("dark").unwrap());
    assert_eq!(Theme::default().rgb(Colour::Category(0)), Rgb::new(0xe6, 0x9f, 0));
    assert_eq!(Theme::default().rgb(Colour::Category(7)), Rgb::new(0xe6, 0x9f, 0));
    let error = Theme::named("drak").unwrap_err().to_string();
    assert!(error.contains("unknown theme `drak`; did you mean `dark`?"), "{error}");
}

#[test]
fn what_is_wrong_with_a_theme_is_told_with_its_place() {
    let (_, good) = SHIPPED[0];
    let line = |text: &str| good.lines().position(|line| line.contains(text)).unwrap() + 1;
    for (from, to, at, because) in [
        ("border:", "boarder:", line("border:"), "did you mean `border`?"),
        ("\"#eef2f6\"", "\"eef2f6\"", line("#eef2f6"), "`eef2f6` is not a colour such as `#e69f00`"),
        ("\"#eef2f6\"", "7", line("#eef2f6"), ""),
        ("diverging: [", "diverging: [\"red\", ", line("diverging:"), "`red` is not a colour"),
        ("    goal: \"#c9b458\",\n", "", 1, "the theme has no `goal`"),
        ("version: 1", "version: 2", 0, "version 2"),
    ] {
        let text = good.replacen(from, to, 1);
        assert_ne!(text, good, "{from}");
        let error = Theme::parse(&text).unwrap_err();
        assert!(error.to_string().contains(because), "{error}");
        let found = error.place().and_then(|place| place.at).map_or(0, |(line, _)| line);
        assert!(found == at || at == 1 && found > 0, "{error}: expected line {at}");
    }
    for cut in 0..good.len() - 4 {
        assert!(Theme::parse(&good[..cut]).is_err(), "the first {cut} bytes");
    }
}

#[test]
fn a_list_of_colours_is_neither_empty_nor_endless() {
    let (_, good) = SHIPPED[0];
    let start = good.find("categories: [").unwrap();
    let end = start + good[start..].find(']').unwrap() + 1;
    for count in [0, 1, 65, 10_000] {
        let list = vec!["\"#000000\""; count].join(",");
        let error = Theme::parse(&format!("{}categories: [{list}]{}", &good[..start], &good[end..])).unwrap_err();
        assert!(error.to_string().contains(&format!("{count} colours, expected 2 to 64")), "{error}");
    }
}
