//! A person is told what was not done, and nothing is done that they were told was not.

use super::*;

fn told(lab: &Lab, what: &str) -> bool {
    lab.messages().iter().any(|message| message.text.contains(what))
}

#[test]
fn a_scenario_opens_playing() {
    let mut lab = Lab::new(&Theme::default()).unwrap();
    lab.obey(&open("skirmish", &["greedy"])).unwrap();
    lab.advance(Duration::from_millis(200));
    assert!(stage(&lab).tick() > 0);
}

#[test]
fn scenarios_that_show_most_come_first_and_those_with_defects_last() {
    let lab = Lab::new(&Theme::default()).unwrap();
    let of = |domain: &str| -> Vec<&str> {
        let cards = lab.gallery().cards().iter().filter(|card| card.place.domain == domain);
        cards.map(|card| card.place.name.as_str()).collect()
    };
    let (jamming, cluster) = (of("jamming"), of("cluster"));
    assert_eq!(jamming[..3], ["skirmish", "duel-4-10", "hopping"]);
    assert_eq!(cluster[0], "default");
    assert_eq!(cluster[cluster.len() - 2..], ["as-published", "repaired"]);
    let with_defects = lab.gallery().cards().iter().filter(|card| card.shows_defects).count();
    assert_eq!(with_defects, 2);
}

#[test]
fn training_beside_a_recording_is_no_error_and_leaves_the_recording_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.mcap");
    let mut lab = lab();
    lab.obey(&Command::StartRecording(Some(path.clone()))).unwrap();
    steps(&mut lab, 5);
    lab.obey(&Command::StopRecording).unwrap();
    lab.obey(&Command::OpenRecording(path)).unwrap();
    lab.train_in(&quick_draft(), Some(&dir.path().join("run"))).unwrap();
    assert_eq!((lab.trainings().len(), lab.messages().num_errors()), (1, 0));
    assert!(told(&lab, "fork it to watch") && stage(&lab).is_recorded());
    lab.stop_training();
}

#[test]
fn a_run_that_is_over_is_no_longer_called_in_training_nor_more_than_done() {
    let dir = tempfile::tempdir().unwrap();
    let mut lab = lab();
    lab.train_in(&Draft { minutes: 1e-4, ..quick_draft() }, Some(&dir.path().join("run"))).unwrap();
    let begun = std::time::Instant::now();
    while lab.is_training() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it does not end");
        lab.advance(Duration::from_millis(10));
    }
    let id = lab.trainings()[0].id();
    let labels: Vec<&str> = lab.offers().iter().filter(|o| o.name == newest_name(id)).map(|o| o.kind.label()).collect();
    assert_eq!((labels, lab.trainings()[0].progress()), (vec!["trained here"], 1.0));
    steps(&mut lab, 1);
    assert!(stage(&lab).plays[0].policies()[0].starts_with("last of"));
}

#[test]
fn who_drives_while_time_stands_still_is_told_so() {
    let mut lab = lab();
    steps(&mut lab, 1);
    lab.obey(&Command::SelectNext).unwrap();
    lab.obey(&Command::ToggleDrive).unwrap();
    assert!(told(&lab, "paused"));
    lab.obey(&Command::ToggleDrive).unwrap();
    let before = lab.messages().newest();
    lab.obey(&Command::Play).unwrap();
    lab.obey(&Command::ToggleDrive).unwrap();
    assert_eq!(lab.messages().newest(), before, "while it plays there is nothing to tell");
}

#[test]
fn an_export_has_the_colours_of_the_window() {
    let dir = tempfile::tempdir().unwrap();
    let light = Theme::named("light").unwrap();
    let mut lab = lab();
    steps(&mut lab, 3);
    lab.set_theme(&light).unwrap();
    assert_eq!(lab.gallery().number(), 2, "its pictures are drawn anew");
    let path = dir.path().join("a.png");
    lab.obey(&Command::Export { to: path.clone(), from: None, until: None }).unwrap();
    lab.finish_exports();
    let mut reader =
        png::Decoder::new(std::io::BufReader::new(std::fs::File::open(&path).unwrap())).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut pixels).unwrap();
    let page = light.token(crate::picture::Token::Page);
    assert_eq!(pixels[..3], [page.r, page.g, page.b]);
}

#[test]
fn what_is_beyond_its_range_is_refused_with_the_range() {
    let mut lab = lab();
    steps(&mut lab, 5);
    for times in [0.0, -1.0, 1e9, f64::NAN] {
        refused(&mut lab, &Command::SetSpeed(Speed::Times(times)), "0.1 to 200");
    }
    for (from, until) in [(3, 3), (4, 1), (0, 9)] {
        refused(&mut lab, &Command::Repeat(from, until), "from 0 to 5");
    }
    lab.obey(&Command::Repeat(1, 4)).unwrap();
    refused(&mut lab, &Command::ColourBy(99), "no quantity 99");
}

#[test]
fn layers_are_those_that_the_domain_declares() {
    let mut lab = lab();
    let toggled = |lab: &mut Lab, layer: &str| {
        let command: Command = ron::from_str(&format!("ToggleLayer({layer})")).unwrap();
        lab.obey(&command).unwrap();
        lab.stage_mut().unwrap().refresh();
        stage(lab).picture(0).unwrap().marks.len()
    };
    let all = toggled(&mut lab, "Trails");
    for layer in ["Links", "areas", "\"goals\""] {
        assert!(toggled(&mut lab, layer) < all, "{layer} is hidden");
        assert_eq!(toggled(&mut lab, layer), all, "{layer} is shown again");
    }
    refused(&mut lab, &Command::ToggleLayer("sparks".to_owned()), "no layer `sparks`");
    lab.obey(&open("cluster/default", &["first_fit"])).unwrap();
    refused(&mut lab, &Command::ToggleLayer("links".to_owned()), "no layer `links`");
}

#[test]
fn only_where_something_has_a_place_to_choose_can_it_be_edited() {
    let mut lab = lab();
    assert!(stage(&lab).can_edit() && Command::ToggleEditor.is_available(&lab));
    lab.obey(&open("cluster/default", &["first_fit"])).unwrap();
    assert!(!stage(&lab).can_edit() && !Command::ToggleEditor.is_available(&lab));
    lab.obey(&Command::Gallery).unwrap();
    assert!(!Command::TogglePlay.is_available(&lab) && Command::Refresh.is_available(&lab));
}
