//! A part as comma-separated values, after RFC 4180 and as PostgreSQL reads and writes it: null is
//! nothing, an empty text is `""`.

use std::io::Write;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::SchemaRef;
use datafusion::common::Result;

use super::part_files::Part;
use super::text::{as_text, unformed, with_unformed};
use crate::store::Output;

/// Bytes that are written at once.
const WRITE_BYTES: usize = 256 * 1024;

/// A CSV file at work.
pub(super) struct CsvPart {
    output: Output,
    names: Vec<String>,
    buffer: Vec<u8>,
}

impl CsvPart {
    /// A file in `output` with the names of `schema` as its header.
    pub(super) fn new(output: Output, schema: &SchemaRef) -> Result<Self> {
        let names: Vec<String> = schema
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .collect();
        let mut part = Self {
            output,
            buffer: Vec::with_capacity(WRITE_BYTES + 4096),
            names,
        };
        for (index, name) in part.names.iter().enumerate() {
            separate(index, &mut part.buffer);
            put(name, &mut part.buffer);
        }
        part.buffer.push(b'\n');
        Ok(part)
    }

    fn send(&mut self) -> Result<()> {
        self.output.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

impl Part for CsvPart {
    fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        let columns: Vec<ArrayRef> = self
            .names
            .iter()
            .enumerate()
            .map(|(index, name)| {
                let texts = as_text(rows.column(index))?;
                Ok(with_unformed(&texts, unformed(rows, name).as_ref()))
            })
            .collect::<Result<_>>()?;
        for row in 0..rows.num_rows() {
            for (index, values) in columns.iter().enumerate() {
                separate(index, &mut self.buffer);
                let values = values.as_string_view();
                if values.is_valid(row) {
                    put(values.value(row), &mut self.buffer);
                }
            }
            self.buffer.push(b'\n');
            if self.buffer.len() >= WRITE_BYTES {
                self.send()?;
            }
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Output> {
        self.send()?;
        Ok(self.output)
    }
}

fn separate(index: usize, buffer: &mut Vec<u8>) {
    if index > 0 {
        buffer.push(b',');
    }
}

/// Appends `text`, in quotes where it could not be read back without.
fn put(text: &str, buffer: &mut Vec<u8>) {
    let plain = |byte: u8| !matches!(byte, b',' | b'"' | b'\r' | b'\n');
    if !text.is_empty() && text.bytes().all(plain) {
        return buffer.extend_from_slice(text.as_bytes());
    }
    buffer.push(b'"');
    for byte in text.bytes() {
        if byte == b'"' {
            buffer.push(byte);
        }
        buffer.push(byte);
    }
    buffer.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_can_be_read_back() {
        for (text, field) in [
            ("", "\"\""),
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("größe", "größe"),
        ] {
            let mut buffer = Vec::new();
            put(text, &mut buffer);
            assert_eq!(String::from_utf8(buffer).unwrap(), field);
        }
    }
}
