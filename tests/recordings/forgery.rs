//! A recording taken apart into its messages and put together again, every checksum right.

use std::{collections::BTreeMap, io::Cursor};

use agon::record::{
    messages::FINISHED,
    walker::{Inner, Part, records, value_of, walk},
};
use mcap::{
    WriteOptions,
    records::{MessageHeader, Metadata},
};

/// A message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Said {
    pub(crate) topic: String,
    pub(crate) tick: u32,
    pub(crate) time_ns: u64,
    pub(crate) data: Vec<u8>,
}

/// All that a recording says.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    pub(crate) messages: Vec<Said>,
    /// The number of ticks that it ends with, if it is finished.
    pub(crate) finished: Option<String>,
}

impl Content {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut content = Self { messages: Vec::new(), finished: None };
        let mut topics: BTreeMap<u16, String> = BTreeMap::new();
        walk(bytes, &mut |part| {
            if let Part::Metadata { name: FINISHED, entries } = part {
                content.finished = value_of(entries, "ticks").map(str::to_owned);
            }
            let Part::Chunk { content: chunk, .. } = part else { return Ok(()) };
            for record in records(chunk) {
                match record? {
                    Inner::Schema => {}
                    Inner::Channel { id, topic } => drop(topics.insert(id, topic.to_owned())),
                    Inner::Message { channel, sequence, log_time_ns, data } => content.messages.push(Said {
                        topic: topics[&channel].clone(),
                        tick: sequence,
                        time_ns: log_time_ns,
                        data: chunk[data].to_vec(),
                    }),
                }
            }
            Ok(())
        });
        content
    }

    /// The file of these messages, as another program writes it.
    pub(crate) fn write(&self, options: WriteOptions) -> Vec<u8> {
        let mut writer = options.compression_threads(0).create(Cursor::new(Vec::new())).unwrap();
        let mut channels: BTreeMap<&str, u16> = BTreeMap::new();
        for Said { topic, tick, time_ns, data } in &self.messages {
            let channel_id =
                *channels.entry(topic).or_insert_with(|| writer.add_channel(0, topic, "", &BTreeMap::new()).unwrap());
            let header = MessageHeader { channel_id, sequence: *tick, log_time: *time_ns, publish_time: *time_ns };
            writer.write_to_known_channel(&header, data).unwrap();
        }
        if let Some(ticks) = &self.finished {
            let metadata = [("ticks".to_owned(), ticks.clone())].into();
            writer.write_metadata(&Metadata { name: FINISHED.to_owned(), metadata }).unwrap();
        }
        writer.finish().unwrap();
        writer.into_inner().into_inner()
    }

    /// The first message on a topic that begins like this, at `tick`.
    pub(crate) fn at(&mut self, topic: &str, tick: u32) -> &mut Said {
        self.messages.iter_mut().find(|said| said.tick == tick && said.topic.starts_with(topic)).unwrap()
    }

    /// Replaces a part of a message that is text.
    pub(crate) fn replace(&mut self, topic: &str, tick: u32, from: &str, to: &str) {
        let said = self.at(topic, tick);
        let text = String::from_utf8(said.data.clone()).unwrap();
        assert!(text.contains(from), "no {from} in {text}");
        said.data = text.replacen(from, to, 1).into_bytes();
    }
}

/// `bytes` after `change`, as another program writes it.
pub(crate) fn forged(bytes: &[u8], change: impl FnOnce(&mut Content)) -> Vec<u8> {
    let mut content = Content::of(bytes);
    change(&mut content);
    content.write(WriteOptions::new())
}
