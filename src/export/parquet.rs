//! Tables as Parquet, compressed with Zstandard.

use std::{io::Write, sync::Arc};

use arrow_array::{ArrayRef, Float64Array, RecordBatch, UInt32Array, UInt64Array};
use arrow_schema::ArrowError;
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    errors::ParquetError,
    file::properties::WriterProperties,
};

use super::{Failure, table::Table};
use crate::error::Error;

/// Writes the table.
pub(super) fn write(table: &Table, out: &mut (impl Write + Send)) -> Result<(), Failure> {
    let rows = &table.rows;
    let mut columns: Vec<(String, ArrayRef)> = vec![
        ("episode".to_owned(), Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.episode)))),
        ("tick".to_owned(), Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| row.tick)))),
    ];
    if rows.iter().any(|row| row.time_s.is_some()) {
        let times: Float64Array = rows.iter().map(|row| row.time_s).collect();
        columns.push(("time [s]".to_owned(), Arc::new(times)));
    }
    for (index, name) in table.columns.iter().enumerate() {
        let values = Float64Array::from_iter_values(rows.iter().map(|row| row.values[index]));
        columns.push((name.clone(), Arc::new(values)));
    }
    let batch = RecordBatch::try_from_iter(columns)?;
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
    let mut writer = ArrowWriter::try_new(out, batch.schema(), Some(properties))?;
    writer.write(&batch)?;
    writer.close()?;
    Ok(())
}

impl From<ArrowError> for Failure {
    fn from(error: ArrowError) -> Self {
        Self::Told(Error::system(format!("the table cannot be laid out in columns: {error}")))
    }
}

impl From<ParquetError> for Failure {
    fn from(error: ParquetError) -> Self {
        match error {
            ParquetError::External(cause) => match cause.downcast::<std::io::Error>() {
                Ok(error) => Self::Io(*error),
                Err(cause) => Self::Told(Error::system(format!("the Parquet file cannot be written: {cause}"))),
            },
            other => Self::Told(Error::system(format!("the Parquet file cannot be written: {other}"))),
        }
    }
}
