use chrono::NaiveDate;
use proptest::prelude::*;

use super::*;
use crate::store::stream::Lane;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn rows() -> Vec<Stored> {
    vec![
        Stored {
            first_seq: 5,
            last_seq: 7,
            appended_at: at("2026-03-09T10:00:00.123456Z"),
            changes: r#"[{"p":"0/A 7","c":[["i","account","A"],["w","plan",""]]},{"p":"0/B 8","c":[["u","account","\"é\\"]]}]"#
                .to_owned(),
        },
        Stored {
            first_seq: 8,
            last_seq: 8,
            appended_at: at("2026-03-09T10:00:01Z"),
            changes: r#"[{"p":"0/C","c":[["o","gone","B"]]}]"#.to_owned(),
        },
    ]
}

fn file(first_seq: i64, last_seq: i64) -> FileId {
    FileId { lane: Lane::Live, first_seq, last_seq, date: NaiveDate::from_ymd_opt(2026, 3, 9).unwrap() }
}

fn written(rows: &[Stored]) -> (Bytes, Manifest) {
    let mut writer = Writer::new(rows[0].first_seq).unwrap();
    for row in rows {
        writer.add(row).unwrap();
    }
    writer.finish(file(rows[0].first_seq, rows[rows.len() - 1].last_seq)).unwrap()
}

fn all(manifest: &Manifest, bytes: Bytes) -> Result<Vec<ArchivedChange>, String> {
    manifest.vouch_for(&bytes)?;
    changes(manifest, bytes).collect()
}

#[test]
fn a_file_is_what_the_stream_has_and_the_same_every_time() {
    let (bytes, manifest) = written(&rows());
    assert_eq!(written(&rows()), (bytes.clone(), manifest.clone()));
    let read = all(&manifest, bytes.clone()).unwrap();
    let brief: Vec<_> = read
        .iter()
        .map(|c| (c.seq, c.position.as_str(), c.kind.as_str(), c.node.as_str(), c.key.as_str()))
        .collect();
    assert_eq!(
        brief,
        [
            (5, "0/A 7", "i", "account", "A"),
            (6, "0/A 7", "w", "plan", ""),
            (7, "0/B 8", "u", "account", "\"é\\"),
            (8, "0/C", "o", "gone", "B"),
        ]
    );
    assert_eq!(read[3].appended_at, at("2026-03-09T10:00:01Z"));
    assert_eq!((manifest.change_count, manifest.byte_count), (4, bytes.len() as u64));
    assert_eq!(Manifest::parse(file(5, 8), &manifest.to_bytes()), Ok(manifest));
}

/// Files of earlier releases stay readable.
#[test]
fn the_first_form_is_read() {
    let line = r#"{"seq":5,"appended_at":"2026-03-09T10:00:00.123456Z","position":"0/A","kind":"t","node":"plan","key":"X"}"#;
    let bytes: Bytes = zstd::encode_all(format!("{line}\n").as_bytes(), 1).unwrap().into();
    let manifest = format!(
        r#"{{"format":1,"lane":"live","first_seq":5,"last_seq":5,"change_count":1,"sha256":"{}","byte_count":{},
            "first_appended_at":"2026-03-09T10:00:00.123456Z","last_appended_at":"2026-03-09T10:00:00.123456Z"}}"#,
        sha256(&bytes),
        bytes.len()
    );
    let manifest = Manifest::parse(file(5, 5), manifest.as_bytes()).unwrap();
    assert_eq!(all(&manifest, bytes).unwrap()[0].key, "X");
}

#[test]
fn damage_is_noticed() {
    let (bytes, manifest) = written(&rows());
    for at in 0..bytes.len() {
        let mut flipped = bytes.to_vec();
        flipped[at] ^= 1;
        assert!(all(&manifest, flipped.into()).unwrap_err().contains("checksum"));
    }
    assert!(all(&manifest, bytes.slice(..bytes.len() - 1)).unwrap_err().contains("bytes instead of"));
    // A checksum that was made to fit does not help.
    let forged = |rows: &[Stored]| {
        let (bytes, of) = written(rows);
        let manifest = Manifest { sha256: of.sha256, byte_count: of.byte_count, ..manifest.clone() };
        all(&manifest, bytes).unwrap_err()
    };
    assert!(forged(&rows()[..1]).contains("ends before change 8"));
    assert!(forged(&rows()[1..]).contains("change 8 comes where 5 should"));
    let mut more = rows();
    more.push(Stored { first_seq: 9, last_seq: 9, ..rows()[1].clone() });
    assert!(forged(&more).contains("goes on after change 8"));
}

#[test]
fn a_manifest_that_is_not_its_files_is_refused() {
    let (_, manifest) = written(&rows());
    let says = |manifest: &Manifest| Manifest::parse(file(5, 8), &manifest.to_bytes()).unwrap_err();
    assert!(says(&Manifest { format: 2, ..manifest.clone() }).contains("format is 2"));
    assert!(says(&Manifest { last_seq: 9, ..manifest.clone() }).contains("its name says"));
    assert!(says(&Manifest { change_count: 3, ..manifest.clone() }).contains("its name says"));
    assert!(Manifest::parse(file(5, 8), b"{").unwrap_err().contains("cannot be read"));
}

#[test]
fn a_stream_with_a_hole_is_not_written() {
    let mut writer = Writer::new(5).unwrap();
    assert!(writer.add(&rows()[1]).unwrap_err().contains("where 5 should"));
    let short = Stored { last_seq: 9, ..rows()[0].clone() };
    assert!(writer.add(&short).unwrap_err().contains("as many changes"));
    let mut writer = Writer::new(5).unwrap();
    writer.add(&rows()[0]).unwrap();
    assert!(writer.finish(file(5, 8)).unwrap_err().contains("ends before 8"));
}

proptest! {
    /// Whatever keys and positions hold, and however the stream's rows were cut, all of it is read back.
    #[test]
    fn what_is_written_is_read(keys in prop::collection::vec((".*", ".*", 0..3_usize), 1..60)) {
        let mut rows: Vec<Stored> = Vec::new();
        let mut group: Vec<(&str, &str)> = Vec::new();
        let mut first_seq = 1;
        for (at, (position, key, cut)) in keys.iter().enumerate() {
            group.push((position, key));
            if *cut == 0 || at + 1 == keys.len() {
                let groups: Vec<_> = group
                    .iter()
                    .map(|(position, key)| serde_json::json!({"p": position, "c": [["u", "plan", key]]}))
                    .collect();
                let last_seq = first_seq + group.len() as i64 - 1;
                let changes = serde_json::Value::from(groups).to_string();
                rows.push(Stored { first_seq, last_seq, appended_at: at_minute(first_seq), changes });
                first_seq = last_seq + 1;
                group.clear();
            }
        }
        let (bytes, manifest) = written(&rows);
        let read = all(&manifest, bytes).unwrap();
        let read: Vec<_> = read.iter().map(|change| (change.position.as_str(), change.key.as_str())).collect();
        let given: Vec<_> = keys.iter().map(|(position, key, _)| (position.as_str(), key.as_str())).collect();
        prop_assert_eq!(read, given);
    }
}

fn at_minute(seq: i64) -> DateTime<Utc> {
    at("2026-03-09T10:00:00Z") + chrono::TimeDelta::minutes(seq)
}
