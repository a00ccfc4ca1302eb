//! Parquet files with damage in them.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use ::parquet::basic::{Compression, Encoding};
use ::parquet::file::properties::{WriterProperties, WriterVersion};
use ::visard::run::exit;
use arrow::array::{
    ArrayRef, DictionaryArray, Int32Array, ListArray, RecordBatch, StringArray, StructArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Fields, Int32Type};

use super::{Arena, Failed, MARK, campaign, kept, mutate, watch_panics};

/// Text in every kind of column, in several layouts, `MARK` in each value.
fn parquet_seeds() -> Vec<Vec<u8>> {
    let rows = 40;
    let text = |prefix: &str| {
        let values =
            (0..rows).map(|row| (row % 7 != 3).then(|| format!("{prefix}{MARK}{}", row % 9)));
        StringArray::from_iter(values)
    };
    let dictionary: DictionaryArray<Int32Type> = text("d").iter().collect();
    let leaf = Field::new("leaf", DataType::Utf8, true);
    let nested = StructArray::from(vec![(Arc::new(leaf), Arc::new(text("s")) as ArrayRef)]);
    let item = Arc::new(Field::new("element", DataType::Utf8, true));
    let lists = ListArray::new(
        item,
        OffsetBuffer::from_lengths((0..rows).map(|row| [0, 1, 2, 1][row % 4])),
        Arc::new(text("l")),
        None,
    );
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("plain", Arc::new(text("p"))),
        ("dictionary", Arc::new(dictionary)),
        ("nested", Arc::new(nested)),
        ("lists", Arc::new(lists)),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let layouts = [
        (Compression::UNCOMPRESSED, WriterVersion::PARQUET_1_0, true),
        (Compression::UNCOMPRESSED, WriterVersion::PARQUET_2_0, false),
        (Compression::SNAPPY, WriterVersion::PARQUET_2_0, true),
        (
            Compression::ZSTD(Default::default()),
            WriterVersion::PARQUET_1_0,
            false,
        ),
        (
            Compression::GZIP(Default::default()),
            WriterVersion::PARQUET_1_0,
            true,
        ),
        (Compression::LZ4_RAW, WriterVersion::PARQUET_2_0, true),
        (
            Compression::BROTLI(Default::default()),
            WriterVersion::PARQUET_2_0,
            false,
        ),
    ];
    let mut seeds: Vec<Vec<u8>> = layouts
        .into_iter()
        .map(|(codec, version, dictionary)| {
            let mut properties = WriterProperties::builder()
                .set_compression(codec)
                .set_writer_version(version)
                .set_dictionary_enabled(dictionary)
                .set_bloom_filter_enabled(dictionary)
                .set_data_page_row_count_limit(15)
                .set_write_batch_size(5)
                .set_max_row_group_row_count(Some(25));
            if !dictionary {
                properties = properties.set_encoding(Encoding::DELTA_BYTE_ARRAY);
            }
            written(&batch, properties.build())
        })
        .collect();
    let numbers: ArrayRef = Arc::new(Int32Array::from_iter_values(0..rows as i32));
    let fields = Fields::from(vec![Field::new("number", DataType::Int32, false)]);
    let deep = Arc::new(StructArray::new(fields, vec![numbers], None));
    let batch = RecordBatch::try_from_iter(vec![
        ("text", Arc::new(text("t")) as ArrayRef),
        ("deep", deep),
    ])
    .unwrap();
    seeds.push(written(&batch, WriterProperties::default()));
    seeds
}

fn written(batch: &RecordBatch, properties: WriterProperties) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    bytes
}

#[test]
fn parquet_files() {
    let arena = Arena::new();
    let seeds = parquet_seeds();
    let whole = seeds.len() - 1;
    let rules = |seed: usize| match seed == whole {
        true => {
            "- column: text\n  masks: [{type: hash, length: 8}]\n- column: deep.number\n  masks: [{type: imitate}]"
        }
        false => "- columns: ['*']\n  masks: [{type: hash, length: 8}]",
    };
    let attempt = |rules: &str, bytes: Vec<u8>| {
        let outcome = arena.run("", rules, &[("a.parquet".to_owned(), bytes)])?;
        match arena
            .settled(&outcome)?
            .iter()
            .find(|file| arena.holds_mark(file))
        {
            Some(_) => Err(Failed::because("an original value is left")),
            None => Ok(outcome.code),
        }
    };
    watch_panics();
    for (seed, bytes) in seeds.iter().enumerate() {
        let code = attempt(rules(seed), bytes.clone())
            .map_err(|failed| failed.why)
            .unwrap();
        assert_eq!(code, exit::MASKED, "seed {seed}");
    }
    for (name, bytes) in kept("parquet") {
        println!("once failed: {name}");
        attempt(rules(0), bytes)
            .map_err(|failed| failed.why)
            .unwrap();
    }
    let words: [&[u8]; 12] = [
        b"\0",
        b"\xFF\xFF\xFF\xFF",
        b"\xFF\xFF\xFF\x7F",
        b"\0\0\0\x80",
        b"\x15\0",
        b"\x15\x02",
        b"\x2C",
        b"\x19\x1C",
        b"PAR1",
        b"\x80\x80\x80\x80\x10",
        b"\xFE\xFF\xFF\xFF\x0F",
        b"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01",
    ];
    let mut codes: BTreeMap<u8, usize> = BTreeMap::new();
    campaign("Parquet files", |random| {
        let seed = random.below(seeds.len());
        let mut bytes = seeds[seed].clone();
        // The footer holds most of what can be wrong; its length has to stay right to get there.
        let footer = bytes.len() - 8 - footer_length(&bytes);
        let part = match random.below(3) {
            0 => footer..bytes.len() - 8,
            1 => 4..footer,
            _ => 0..bytes.len(),
        };
        let mut changed = bytes[part.clone()].to_vec();
        mutate(&mut changed, 0, &words, random);
        drop(bytes.splice(part.clone(), changed.iter().copied()));
        if part.start == footer {
            let length = bytes.len() - 8 - footer;
            let at = bytes.len() - 8;
            bytes[at..at + 4].copy_from_slice(&(length as u32).to_le_bytes());
        }
        let code = attempt(rules(seed), bytes)?;
        *codes.entry(code).or_default() += 1;
        Ok(())
    });
    println!("Parquet files: how they ended, by exit code: {codes:?}");
    assert!(codes.len() > 1, "{codes:?}");
}

fn footer_length(bytes: &[u8]) -> usize {
    let at = bytes.len() - 8;
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}
