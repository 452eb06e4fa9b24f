//! The file is read by strangers: the crate's own reader, and the `mcap` package of Python when one that has it is at hand
//! (`AGON_PYTHON`, default `python3`).

use std::process::Command;

use crate::{Game, needs};

/// Prints topic, encoding, whether there is a schema, and how many messages; then a metric and a reward.
const SCRIPT: &str = r#"
import json, sys
from mcap.reader import make_reader
with open(sys.argv[1], "rb") as stream:
    reader = make_reader(stream, validate_crcs=True)
    seen, last = {}, {}
    for schema, channel, message in reader.iter_messages():
        key = (channel.topic, channel.message_encoding, schema.encoding if schema else "")
        seen[key] = seen.get(key, 0) + 1
        last[channel.topic] = message
        if channel.message_encoding == "json":
            content = json.loads(message.data)
            if schema:
                assert json.loads(schema.data)["type"] == "object"
    for key in sorted(seen):
        print(*key, seen[key])
    print(json.loads(last["/metrics"].data)["lambda2"] >= 0.0)
    print(len(json.loads(last["/rewards/jammers"].data)["terms"]["energy"]), last["/metrics"].log_time)
    print([record.name for record in reader.iter_metadata()])
"#;

#[test]
fn the_reader_of_the_crate_finds_every_message_in_the_order_of_its_tick() {
    let (bytes, _) = Game::new(&[], 30).play();
    let mut ticks = Vec::new();
    for message in mcap::MessageStream::new(&bytes).unwrap() {
        let message = message.unwrap();
        assert_eq!(message.log_time, u64::from(message.sequence) * 500_000_000);
        if message.channel.topic == "/metrics" {
            ticks.push(message.sequence);
        }
    }
    assert_eq!(ticks, (1..=30).collect::<Vec<_>>());
    let summary = mcap::Summary::read(&bytes).unwrap().unwrap();
    assert_eq!(summary.stats.unwrap().metadata_count, 1);
}

#[test]
fn python_reads_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("game.mcap");
    std::fs::write(&file, Game::new(&[("max_steps", "20")], 30).play().0).unwrap();
    let Some(python) = needs::python("mcap", "mcap") else { return };
    let output = Command::new(&python).arg("-c").arg(SCRIPT).arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let expected = "/actions/jammers f32le  30\n\
                    /events json jsonschema 1\n\
                    /keyframes agon.keyframe  4\n\
                    /metrics json jsonschema 30\n\
                    /recording json jsonschema 1\n\
                    /rewards/jammers json jsonschema 30\n\
                    /scenario ron  1\n\
                    True\n\
                    4 15000000000\n\
                    ['agon.finished']\n";
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
}
