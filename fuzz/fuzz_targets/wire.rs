//! Whatever the bytes: a JSON walk and an event split end, never panic, and every range they name is real.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::text::Direction;
use tidegate::wire::framing::{Framing, Parts, Splitter};
use tidegate::wire::reader::Reader;
use tidegate::wire::splice::splice;
use tidegate::wire::DIALECTS;

fuzz_target!(|data: &[u8]| {
    let mut reader = Reader::default();
    for dialect in DIALECTS {
        for direction in [Direction::Request, Direction::Response] {
            let mut places = Vec::new();
            let read = reader.read(data, *dialect, direction, 64, &mut |piece| {
                places.push((piece.place.clone(), piece.text.len()));
            });
            if read.is_err() {
                continue;
            }
            // Every text replaced by nothing leaves a document that is still read.
            let mut splices: Vec<_> =
                places.iter().map(|(place, length)| place.splice(data, 0..*length, "", false)).collect();
            let mut out = Vec::new();
            splice(data, &mut splices, &mut out);
            let names_collide = reader.read(&out, *dialect, direction, 64, &mut |_| {}).is_err();
            assert!(!names_collide || places.len() > 1, "an edit broke the document");
        }
    }
    for framing in [Framing::Sse, Framing::Lines, Framing::Array, Framing::Frames] {
        let mut splitter = Splitter::new(framing);
        let mut parts = Parts::default();
        let mut rest = data;
        let mut is_first = true;
        while let Ok(Some(length)) = splitter.next(rest, 1 << 20) {
            let (event, tail) = rest.split_at(length);
            if framing.parts(event, is_first, &mut parts).is_ok() {
                for range in parts.data.iter().chain(&parts.others) {
                    assert!(event.get(range.clone()).is_some(), "a range that is not of the event");
                }
                let mut out = Vec::new();
                framing.edit(event, &mut [], &mut out);
                assert_eq!(out, event, "no edit is the identity");
            }
            is_first = false;
            rest = tail;
        }
    }
});
