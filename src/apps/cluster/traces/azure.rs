//! Azure Packing 2020: virtual machines and the share of a physical machine that each type takes, in SQLite.
//!
//! A database is code that the reader runs, so it is opened read-only and immutable, with low limits, without extensions and
//! without trust in its schema (sqlite.org/security.html). Times are days; a machine without an end outlives the trace. A
//! type has a row for each kind of physical machine it fits; the kind with the lowest number is taken.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, config::DbConfig, limits::Limit, types::ValueRef};

use super::{Read, Workload};
use crate::error::{Error, Result};

const DAY_S: f64 = 86_400.0;

/// Instructions of SQLite's virtual machine after which it is asked whether to go on, and how often it may be asked: hours
/// of honest reading, not for ever.
const STEP: i32 = 1_000_000;
const MOST_STEPS: u64 = 1_000_000;

/// Machines in the order of their start; the join is by index of the types, of which there are some hundreds.
const QUERY: &str = "
    SELECT vm.rowid, vm.starttime, vm.endtime, vm.priority, type.core, type.memory, type.nic, type.hdd, type.ssd
    FROM vm LEFT JOIN (
        SELECT vmTypeId, core, memory, nic, hdd, ssd FROM vmType AS t
        WHERE t.machineId = (SELECT min(machineId) FROM vmType WHERE vmTypeId = t.vmTypeId)
    ) AS type ON type.vmTypeId = vm.vmTypeId
    ORDER BY vm.starttime, vm.rowid";

pub(super) fn read(file: &Path, limit: usize) -> Result<Read> {
    if !file.is_file() {
        return Err(Error::input("this is not an ordinary file").hint("unpack the archive and name the .sqlite in it"));
    }
    let database = open(file).map_err(|error| refused(&error))?;
    let mut statement = database.prepare(QUERY).map_err(|error| refused(&error))?;
    let mut rows = statement.query([]).map_err(|error| refused(&error))?;
    let mut read = Read::default();
    while read.workloads.len() < limit
        && let Some(row) = rows.next().map_err(|error| refused(&error))?
    {
        let id = row.get::<_, i64>(0).unwrap_or_default();
        let number = |column: usize, name: &str| match row.get_ref(column) {
            Ok(ValueRef::Null) => Ok(None),
            Ok(ValueRef::Real(number)) if number.is_finite() => Ok(Some(number)),
            Ok(ValueRef::Integer(number)) => Ok(Some(number as f64)),
            _ => Err(Error::input(format!("row {id} of table `vm`: `{name}` must be a number"))),
        };
        let (Some(start), Some(cpu)) = (number(1, "starttime")?, number(4, "core")?) else {
            read.skip("machines of which the start or the type is not known");
            continue;
        };
        let end = number(2, "endtime")?;
        if end.is_some_and(|end| end < start) {
            return Err(Error::input(format!("row {id} of table `vm`: it ends before it starts")));
        }
        let storage = number(7, "hdd")?.unwrap_or_default().max(number(8, "ssd")?.unwrap_or_default());
        let demand = [cpu, number(5, "memory")?.unwrap_or_default(), number(6, "nic")?.unwrap_or_default(), storage];
        if demand.iter().any(|share| *share < 0.0) {
            return Err(Error::input(format!("row {id} of table `vm`: its type takes less than nothing")));
        }
        let workload = Workload {
            arrival_s: DAY_S * start,
            duration_s: end.map(|end| DAY_S * (end - start)),
            demand,
            // 0 is high, 1 is low.
            priority: if number(3, "priority")? == Some(0.0) { 3 } else { 1 },
        };
        read.push(workload).map_err(|error| Error::input(format!("row {id} of table `vm`: {error}")))?;
    }
    Ok(read)
}

fn open(file: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let mut database = Connection::open_with_flags(format!("file:{}?immutable=1", escaped(file)), flags)?;
    database.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    database.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    for (limit, most) in [
        (Limit::SQLITE_LIMIT_LENGTH, 1_000_000),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, 10_000),
        (Limit::SQLITE_LIMIT_COLUMN, 100),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, 20),
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
        (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 1),
        (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
    ] {
        database.set_limit(limit, most)?;
    }
    database.execute_batch("PRAGMA cell_size_check=ON; PRAGMA mmap_size=0; PRAGMA query_only=ON;")?;
    let mut steps = 0;
    database.progress_handler(
        STEP,
        Some(move || {
            steps += 1;
            steps > MOST_STEPS
        }),
    )?;
    Ok(database)
}

/// The path with what means something in a URI written out.
fn escaped(file: &Path) -> String {
    use std::{fmt::Write, os::unix::ffi::OsStrExt};
    file.as_os_str().as_bytes().iter().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'-' | b'_') {
            text.push(char::from(*byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

fn refused(error: &rusqlite::Error) -> Error {
    Error::input(format!("SQLite cannot read it: {error}"))
        .hint("tables `vm` and `vmType` of the Azure Packing 2020 trace are expected")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A database with these rows of `vm`, at a path that means something in a URI.
    fn database(dir: &Path, rows: &str) -> std::path::PathBuf {
        let path = dir.join("a%20?b.sqlite");
        let database = Connection::open(&path).unwrap();
        let schema = "
            CREATE TABLE vm (vmId, tenantId, vmTypeId, priority, starttime REAL, endtime REAL);
            CREATE TABLE vmType (id, vmTypeId, machineId, core REAL, memory REAL, hdd REAL, ssd REAL, nic REAL);
            INSERT INTO vmType VALUES (0, 7, 3, 0.9, 0.9, 0.9, 0.9, 0.9), (1, 7, 2, 0.25, 0.5, 0.125, NULL, 0.0625);";
        database.execute_batch(&format!("{schema} INSERT INTO vm VALUES {rows};")).unwrap();
        path
    }

    #[test]
    fn machines_come_by_their_start_with_the_shares_of_their_type() {
        let dir = tempfile::tempdir().unwrap();
        let path = database(dir.path(), "(1, 0, 7, 1, 0.5, 1.5), (2, 0, 7, 0, -0.25, NULL), (3, 0, 8, 0, 0.6, 0.7)");
        let read = read(&path, 10).unwrap();
        let workload = |start: f64, end: Option<f64>, priority| Workload {
            arrival_s: DAY_S * start,
            duration_s: end.map(|end| DAY_S * end),
            demand: [0.25, 0.5, 0.0625, 0.125],
            priority,
        };
        assert_eq!(read.workloads, [workload(-0.25, None, 3), workload(0.5, Some(1.0), 1)]);
        assert_eq!(read.num_skipped(), 1, "nobody knows type 8");
        assert_eq!(super::read(&path, 1).unwrap().workloads.len(), 1);
    }

    #[test]
    fn what_is_no_such_database_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let text = dir.path().join("text");
        std::fs::write(&text, "arrival_s,cpu\n").unwrap();
        for path in [text.as_path(), dir.path()] {
            assert_eq!(read(path, 10).unwrap_err().exit_code(), 2);
        }
        let path = database(dir.path(), "(1, 0, 7, 1, 2.0, 1.0)");
        assert!(read(&path, 10).unwrap_err().to_string().contains("row 1 of table `vm`: it ends before it starts"));
        let other = dir.path().join("other");
        Connection::open(&other).unwrap().execute_batch("CREATE TABLE vm (vmId)").unwrap();
        assert!(read(&other, 10).unwrap_err().to_string().contains("SQLite cannot read it"));
    }
}
