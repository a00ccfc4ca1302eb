//! Servers that crash while a run is at work, ways to them that are cut, and disks that are full: nothing is lost, and a run that goes on masks
//! every row once.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use visard_tests::proxy::Proxy;

use crate::databases::{Kind, Random, pipeline, pipeline_between, task};
use crate::mariadb::Trial as Mariadb;
use crate::postgres::Trial as Postgres;
use crate::servers::{MariadbServer, PostgresServer, Server, given, is_root};
use crate::sqlite::Trial as Sqlite;
use crate::visard::{Ended, Visard};

/// A mask that shows how often it was there.
const RULES: &str = "- column: v
  masks: [{type: imitate, force_change: true}, {type: concat, masks: [{type: do_nothing}, {type: from_fixed, value: '!'}]}]
- column: n
  masks: [{type: imitate}]";
const ONCE: &str =
    "SELECT count(*) FROM t WHERE v LIKE '_____ %!' AND v NOT LIKE '%!!' AND v NOT LIKE 'datum%'";
const ROWS: u32 = 12_000;

/// The rows that are masked, from `series`, of which `more` is longer.
fn filled(series: &str, more: u32) -> String {
    format!(
        "CREATE TABLE t (id integer PRIMARY KEY, v varchar(80) NOT NULL, n int, kept varchar(2000));
         INSERT INTO t SELECT i, CONCAT('datum ', i), i * 7, CONCAT(REPEAT('kept ', {more}), i) FROM {series}"
    )
}

/// Goes on with the run that was begun, if it was.
fn resumed(visard: &Visard) -> &'static [&'static str] {
    let journal = std::fs::read_to_string(visard.path("run/journal.jsonl"));
    if journal.unwrap_or_default().contains('\n') {
        return &["--resume"];
    }
    std::fs::remove_dir_all(visard.path("run")).unwrap_or_default();
    &[]
}

/// Whether a run came to its end, with nothing of its own left.
fn is_over(visard: &Visard, ended: &Ended) -> bool {
    let report = std::fs::read_to_string(visard.path("run/report.json")).unwrap_or_default();
    ended.code == Some(0) && !report.contains("could not be removed")
}

#[track_caller]
fn nothing_told(ended: &Ended) {
    assert!(matches!(ended.code, Some(0..=3)), "{ended:?}");
    assert!(!ended.stderr.contains("datum "), "{}", ended.stderr);
}

/// Crashes the server at random moments of runs, until one outlives its moment.
fn crashed<S: Server>(
    server: &mut S,
    visard: &Visard,
    whole: Duration,
    random: &mut Random,
) -> u32 {
    let most = match std::env::var_os("VISARD_TEST_LONG") {
        Some(_) => 30,
        None => 2,
    };
    let mut crashes = 0;
    loop {
        let child = visard.start(resumed(visard));
        if crashes < most {
            std::thread::sleep(Duration::from_micros(
                random.below(whole.as_micros() as u64 * 9 / 10),
            ));
            crashes += u32::from(server.crash());
        }
        let ended = Ended::of(child.wait_with_output().unwrap());
        nothing_told(&ended);
        if is_over(visard, &ended) {
            return crashes;
        }
        assert!(crashes > 0, "{ended:?}");
    }
}

fn runs_outlive_crashes<S: Server>() {
    let Some(mut server) = S::start(None) else {
        return;
    };
    let visard = Visard::new();
    let mut random = Random(21);
    let all = "SELECT id, v, n, kept FROM t ORDER BY id";
    for strategy in ["update", "rewrite"] {
        let options = format!("strategy: {strategy}\nbatch_size: 1500\nworkers: 2");
        let text = pipeline(&server.connection(), &options, &task("t", "", RULES));
        visard.write("pipeline.yml", text);
        server.sql(&filled(&S::series(ROWS), 10));
        let began = Instant::now();
        visard.run(&[]).expect(0);
        let whole = began.elapsed();
        let masked = server.rows(all);
        server.sql("DROP TABLE t");
        server.sql(&filled(&S::series(ROWS), 10));
        std::fs::remove_dir_all(visard.path("run")).unwrap();
        let crashes = crashed(&mut server, &visard, whole, &mut random);
        let what = format!("{strategy} after {crashes} crashes");
        assert!(server.rows(all) == masked, "{what}: other rows");
        assert_eq!(server.rows(ONCE), [ROWS.to_string()], "{what}");
        assert_eq!(server.leftovers(), [""; 0], "{what}");
        server.sql("DROP TABLE t");
        std::fs::remove_dir_all(visard.path("run")).unwrap();
        println!("{what}");
    }
    // Rows that come from elsewhere, into a table that the run makes.
    let source = Sqlite::new();
    source.sql(&filled(&Sqlite::series(ROWS), 10).replace("REPEAT('kept ', 10)", "'kept '"));
    let connections = format!(
        "db: {{{}}}\nother: {{{}}}",
        source.connection(),
        server.connection()
    );
    let places = "source: db\ndestination: {connection: other, create_tables: true}";
    let visard = source.visard();
    pipeline_between(
        visard,
        &connections,
        places,
        "workers: 2",
        &task("t", "", RULES),
    );
    let began = Instant::now();
    visard.run(&[]).expect(0);
    let whole = began.elapsed();
    let masked = server.rows(all);
    server.sql("DROP TABLE t");
    std::fs::remove_dir_all(visard.path("run")).unwrap();
    let crashes = crashed(&mut server, visard, whole, &mut random);
    assert!(server.rows(all) == masked, "a copy after {crashes} crashes");
    assert_eq!(server.leftovers(), [""; 0]);
    println!("a copy after {crashes} crashes");
}

#[test]
fn a_backend_of_postgres_is_killed() {
    runs_outlive_crashes::<PostgresServer>();
}

#[test]
fn mariadb_is_killed() {
    runs_outlive_crashes::<MariadbServer>();
}

/// The way to a server is cut after some bytes, again and again, while tables are masked where they lie, and while rows
/// come from elsewhere into one that the run makes.
fn networks_that_are_cut<K: Kind>(server: &str) {
    let Some(trial) = K::try_new() else { return };
    let address = |what: &str| std::env::var(format!("VISARD_TEST_{server}_{what}")).unwrap();
    let proxy = Proxy::start(&format!("{}:{}", address("HOST"), address("PORT"))).unwrap();
    let port = proxy.endpoint().rsplit(':').next().unwrap().to_owned();
    let mut keys = trial.connection();
    for (what, there) in [("HOST", "127.0.0.1"), ("PORT", &port)] {
        keys = keys.replace(&format!("\"${{VISARD_TEST_{server}_{what}}}\""), there);
    }
    assert!(keys.contains(&port), "{keys}");
    let source = Sqlite::new();
    let rows =
        "CREATE TABLE t (id integer PRIMARY KEY, v varchar(80) NOT NULL, n int, kept varchar(80));
         INSERT INTO t SELECT i, 'datum ' || i, i * 7, 'kept ' || i FROM";
    source.sql(&format!("{rows} {}", Sqlite::series(ROWS)));
    let visard = source.visard();
    let all = "SELECT id, v, n, kept FROM t ORDER BY id";
    let mut random = Random(22);
    for way in ["update", "rewrite", "copy"] {
        let fill = || {
            std::fs::remove_dir_all(visard.path("run")).unwrap_or_default();
            trial.sql("DROP TABLE IF EXISTS t");
            if way != "copy" {
                trial.sql(&format!("{rows} {}", K::series(ROWS)));
            }
        };
        let tasks = task("t", "", RULES);
        if way == "copy" {
            let connections = format!("db: {{{}}}\nother: {{{keys}}}", source.connection());
            let places = "source: db\ndestination: {connection: other, create_tables: true}";
            pipeline_between(visard, &connections, places, "workers: 2", &tasks);
        } else {
            let options = format!("strategy: {way}\nbatch_size: 1500\nworkers: 2");
            visard.write("pipeline.yml", pipeline(&keys, &options, &tasks));
        }
        fill();
        proxy.faults.cuts_left.store(0, Relaxed);
        visard.run(&[]).expect(0);
        let masked = trial.rows(all);
        fill();
        let mut cuts = 0;
        loop {
            let left = u64::from(cuts < 6);
            proxy
                .faults
                .cut_after
                .store(2_000 + random.below(400_000), Relaxed);
            proxy.faults.cuts_left.store(left, Relaxed);
            let ended = visard.run(resumed(visard));
            nothing_told(&ended);
            let cut = left > proxy.faults.cuts_left.load(Relaxed);
            if is_over(visard, &ended) {
                break;
            }
            assert!(cut, "{way}: {ended:?}");
            cuts += 1;
        }
        assert!(
            trial.rows(all) == masked,
            "{way} after {cuts} cuts: other rows"
        );
        assert_eq!(trial.one(ONCE), ROWS.to_string(), "{way}");
        assert_eq!(trial.leftovers(), [""; 0], "{way}");
        println!("{way}: the way was cut in {cuts} runs");
    }
}

#[test]
fn the_way_to_postgres_is_cut() {
    networks_that_are_cut::<Postgres>("POSTGRES");
}

#[test]
fn the_way_to_mariadb_is_cut() {
    networks_that_are_cut::<Mariadb>("MARIADB");
}

/// A file system of a few MiB, in memory.
struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// `None` where we may not make one.
    fn new(size: &str) -> Option<Self> {
        let folder = tempfile::Builder::new();
        let folder = { folder }.prefix("visard-disk-").tempdir().unwrap();
        let made = is_root() && mounted(&format!("size={size}"), folder.path());
        if !made {
            println!("left out: only root may make a small file system");
            return None;
        }
        Some(Self { folder })
    }

    fn path(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    fn grow(&self, size: &str) {
        assert!(mounted(&format!("remount,size={size}"), self.folder.path()));
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let gone = Command::new("umount").arg("-l").arg(self.path()).status();
        assert!(gone.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

fn mounted(options: &str, folder: &Path) -> bool {
    let command = Command::new("mount")
        .args(["-t", "tmpfs", "-o", options, "tmpfs"])
        .arg(folder)
        .output();
    command.is_ok_and(|output| output.status.success())
}

#[test]
fn a_full_disk_of_sqlite() {
    let Some(disk) = SmallDisk::new("7m") else {
        return;
    };
    let trial = Sqlite::new();
    std::fs::remove_file(trial.path()).unwrap();
    std::os::unix::fs::symlink(disk.path().join("a.db"), trial.path()).unwrap();
    trial.sql(&format!(
        "CREATE TABLE t (id integer PRIMARY KEY, v varchar(80) NOT NULL, n int, kept varchar(2000));
         INSERT INTO t SELECT i, 'datum ' || i, i * 7, printf('%.180c', 'k') FROM {}",
        Sqlite::series(ROWS)
    ));
    let all = "SELECT id, v, n, kept FROM t ORDER BY id";
    let before = trial.rows(all);
    // Two files of it do not go beside it, and one may.
    trial.pipeline("strategy: rewrite", &task("t", "", RULES));
    let ended = trial.run().expect(1);
    assert!(
        ended.stderr.contains("V1222") && ended.stderr.contains("no room"),
        "{}",
        ended.stderr
    );
    nothing_told(&ended);
    assert!(trial.rows(all) == before);
    disk.grow("32m");
    trial.visard().run(&["--resume"]).expect(0);
    assert_eq!(trial.one(ONCE), ROWS.to_string());
    assert_eq!(trial.leftovers(), [""; 0]);
    // Not even one: nothing is begun.
    let size = std::fs::metadata(trial.path()).unwrap().len();
    disk.grow(&format!("{}k", size * 3 / 2 / 1024));
    let before = trial.rows(all);
    let ended = trial.run().expect(2);
    assert!(ended.stderr.contains("V1221"), "{}", ended.stderr);
    assert!(trial.rows(all) == before);
    // A copy that does not go in comes not at all.
    let source = Sqlite::new();
    source.sql(&format!(
        "CREATE TABLE u (id integer PRIMARY KEY, v varchar(80), kept varchar(2000));
         INSERT INTO u SELECT i, 'datum ' || i, printf('%.900c', 'k') FROM {}",
        Sqlite::series(ROWS)
    ));
    let connections = format!(
        "db: {{{}}}\nother: {{{}}}",
        source.connection(),
        trial.connection_in(source.visard())
    );
    let places = "source: db\ndestination: {connection: other, create_tables: true}";
    let rule = "- column: v\n  masks: [{type: hash}]";
    pipeline_between(
        source.visard(),
        &connections,
        places,
        "",
        &task("u", "", rule),
    );
    let ended = source.run().expect(1);
    assert!(
        ended.stderr.contains("V1222") && ended.stderr.contains("no room"),
        "{}",
        ended.stderr
    );
    nothing_told(&ended);
    assert!(trial.rows(all) == before);
    assert_eq!(trial.rows("SELECT name FROM sqlite_schema"), ["t"]);
    disk.grow("64m");
    source.visard().run(&["--resume"]).expect(0);
    assert_eq!(trial.one("SELECT count(*) FROM u"), ROWS.to_string());
    assert_eq!(trial.leftovers(), [""; 0]);
}

#[test]
fn a_folder_with_little_room() {
    let Some(disk) = SmallDisk::new("1m") else {
        return;
    };
    let visard = Visard::new();
    visard.write("in/a.csv", format!("v\n{}", "a word\n".repeat(400_000)));
    std::os::unix::fs::symlink(disk.path(), visard.path("out")).unwrap();
    let folder = "{type: mounted_share_connection, base_directory:";
    let connections = format!("in: {folder} in}}\nout: {folder} out}}");
    let load = "- type: mask_tabular_file\n  rules:\n    - column: v\n      masks: [{type: hash}]";
    pipeline_between(
        &visard,
        &connections,
        "source: in\ndestination: out",
        "",
        load,
    );
    let ended = visard.call(&["check", "pipeline.yml"]).expect(0);
    let told = format!("{}{}", ended.stdout, ended.stderr);
    assert!(told.contains("V1222") && told.contains("2.7 MiB"), "{told}");
    visard.run(&[]).expect(1);
    assert_eq!(visard.files("out"), [""; 0]);
    disk.grow("64m");
    let ended = visard.run(&["--resume"]).expect(0);
    assert!(!ended.stderr.contains("V1222"), "{}", ended.stderr);
}

#[test]
fn a_full_disk_of_postgres() {
    let Some(disk) = SmallDisk::new("12m") else {
        return;
    };
    let Some(trial) = Postgres::in_own_database() else {
        return;
    };
    given(&disk.path(), "postgres:postgres");
    let name = trial.schema.clone();
    trial.sql(&format!(
        "CREATE TABLESPACE {name} LOCATION '{}'",
        disk.path().display()
    ));
    let database = trial.one("SELECT current_database()");
    trial.sql(&format!(
        "ALTER DATABASE {database} SET default_tablespace = {name}; \
         ALTER DATABASE {database} SET temp_tablespaces = {name}; SET default_tablespace = {name}"
    ));
    let all = "SELECT id, v, n, kept FROM t ORDER BY id";
    for (strategy, size) in [("rewrite", "12m"), ("update", "9m")] {
        trial.sql("DROP TABLE IF EXISTS t; CHECKPOINT");
        disk.grow(size);
        trial.sql(&filled(&Postgres::series(ROWS), 80));
        let before = trial.rows(all);
        let options = format!("strategy: {strategy}\nbatch_size: 1500\nworkers: 2");
        trial.pipeline(&options, &task("t", "", RULES));
        let ended = trial.run();
        nothing_told(&ended);
        assert!(
            ended.stderr.contains("53100"),
            "{strategy}: {}",
            ended.stderr
        );
        match strategy {
            "rewrite" => {
                assert_eq!(ended.code, Some(1), "{ended:?}");
                assert!(trial.rows(all) == before);
                assert_eq!(trial.leftovers(), [""; 0]);
            }
            _ => assert!(matches!(ended.code, Some(1 | 3)), "{ended:?}"),
        }
        disk.grow("64m");
        trial.visard.run(&["--resume"]).expect(0);
        assert_eq!(trial.one(ONCE), ROWS.to_string(), "{strategy}");
        assert_eq!(trial.one("SELECT count(*) FROM t"), ROWS.to_string());
        assert_eq!(trial.leftovers(), [""; 0]);
    }
    trial.sql(&format!(
        "DROP TABLE t; ALTER DATABASE {database} RESET ALL; RESET default_tablespace"
    ));
    trial.sql(&format!("DROP TABLESPACE {name}"));
}

#[test]
fn a_full_disk_of_mariadb() {
    let Some(disk) = SmallDisk::new("256m") else {
        return;
    };
    let Some(mut server) = MariadbServer::start(Some(&disk.path())) else {
        return;
    };
    let visard = Visard::new();
    let all = "SELECT id, v, n, kept FROM t ORDER BY id";
    let ballast = disk.path().join("ballast");
    for strategy in ["rewrite", "update"] {
        server.sql(&format!(
            "DROP TABLE IF EXISTS t; {}",
            filled(&MariadbServer::series(ROWS), 80)
        ));
        let before = server.rows(all);
        let options = format!("strategy: {strategy}\nbatch_size: 1500\nworkers: 2");
        let text = pipeline(&server.connection(), &options, &task("t", "", RULES));
        visard.write("pipeline.yml", text);
        // All room is taken but for a little.
        std::fs::File::create(&ballast).map(drop).unwrap();
        let left = if strategy == "rewrite" { 1 << 20 } else { 0 };
        fill_up(&ballast, left);
        std::fs::remove_dir_all(visard.path("run")).unwrap_or_default();
        let ended = visard.run(&[]);
        nothing_told(&ended);
        // A server without room for its own undo log and temporary tables ends itself. An update may find enough
        // in pages that are free.
        let told = ["1114", "1021", "connection"];
        let is_done = strategy == "update" && ended.code == Some(0);
        assert!(
            is_done || told.iter().any(|told| ended.stderr.contains(told)),
            "{}",
            ended.stderr
        );
        std::fs::remove_file(&ballast).unwrap();
        server.crash();
        let is_begun = strategy == "update";
        assert!(is_begun || server.rows(all) == before);
        visard.run(resumed(&visard)).expect(0);
        assert_eq!(server.rows(ONCE), [ROWS.to_string()], "{strategy}");
        assert_eq!(server.rows("SELECT count(*) FROM t"), [ROWS.to_string()]);
        assert_eq!(server.leftovers(), [""; 0]);
    }
}

/// Fills the file until so many bytes are left on its file system.
fn fill_up(file: &Path, left: u64) {
    let free = || {
        let output = Command::new("df")
            .args(["--output=avail", "-B1"])
            .arg(file)
            .output();
        let text = String::from_utf8(output.unwrap().stdout).unwrap();
        text.lines().nth(1).unwrap().trim().parse::<u64>().unwrap()
    };
    let size = free().saturating_sub(left);
    std::fs::write(file, vec![0; usize::try_from(size).unwrap()]).unwrap();
}
