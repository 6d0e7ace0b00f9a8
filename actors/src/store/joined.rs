//! Statements in fewer messages: many inserts of one text as one insert, and a whole transaction as one message.
//!
//! A message to the embedded database is a hand-over to its thread and back, one to a server is the way there and back. That
//! is what a small transaction takes its time for, beside the disk.

use std::mem;

use sqlx::error::ErrorKind;
use sqlx::{AssertSqlSafe, SqlSafeStr as _, SqliteConnection};

use super::sql::{Link, Sql, sql};

/// How many appended rows one statement writes, where so many wait.
const TOGETHER: usize = 32;
/// How many rows are written as one message. Each choice of kinds is a text of its own, which the connection prepares and keeps
/// with the 100 that were used last: the fewer the rows, the more often a text comes again.
pub(super) const ROWS_MAX: usize = 16;
/// The answer that only the last statement of a message gives.
const END: &str = "select 1";
/// What a server says where one statement would write the same row twice.
const TWICE: &str = "21000";

/// The statements of one transaction, of which each does not hang on what another did: all are run, or none is kept.
#[derive(Debug)]
pub(super) struct Script {
    statements: Vec<Sql>,
}

/// Rows that are only appended, written many at a time: a server is far away.
#[derive(Debug, Default)]
pub(super) struct Appended {
    /// Inserts of the same text stand together.
    waiting: Vec<Vec<Sql>>,
}

impl Script {
    /// Takes the statements. Those of the same text keep their order, the others may stand in any: so there are fewer texts.
    pub(super) fn new(mut statements: Vec<Sql>) -> Self {
        statements.sort_by(|one, other| one.text.as_str().cmp(other.text.as_str()));
        Self { statements }
    }

    /// Runs all as one transaction of the embedded database, in one message. After an error the transaction may be open.
    pub(super) async fn commit(self, conn: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        let around = |statements: Vec<Sql>| {
            let begin = [sql("begin immediate")].into_iter();
            begin.chain(statements).chain([sql("commit"), sql(END)])
        };
        let all = list(around(self.statements)).all::<(i64,)>(&mut Link::Sqlite(conn)).await?;
        // sqlx means to give up several statements in one text with values: a version that ran the first one alone would
        // else be believed to have written all.
        match all.as_slice() {
            [(1,)] => Ok(()),
            _ => Err(sqlx::Error::Protocol("a message was not run to its end".to_owned())),
        }
    }

    /// Runs all within the transaction that is open, in one message to a server.
    pub(super) async fn run(self, link: &mut Link<'_>) -> Result<(), sqlx::Error> {
        match nested(self.statements) {
            Some(statement) => statement.execute(link).await.map(drop),
            None => Ok(()),
        }
    }
}

/// Tells whether the database refused a row because there is one of its key already.
pub(super) fn is_there(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|said| {
        matches!(said.kind(), ErrorKind::UniqueViolation) || said.code().as_deref() == Some(TWICE)
    })
}

/// Makes one text of statements that the embedded database runs one after the other, up to the first that fails.
fn list(statements: impl Iterator<Item = Sql>) -> Sql {
    let (mut text, mut cells) = (String::new(), Vec::new());
    for statement in statements {
        if !text.is_empty() {
            text.push_str("; ");
        }
        shifted(statement.text.as_str(), cells.len(), &mut text);
        cells.extend(statement.cells);
    }
    Sql { text: AssertSqlSafe(text).into_sql_str(), cells }
}

/// Makes one statement of several that change different rows. In which order a server runs them is not said.
fn nested(mut statements: Vec<Sql>) -> Option<Sql> {
    let last = statements.pop()?;
    let (mut text, mut cells) = (String::new(), Vec::new());
    for (number, statement) in (1..).zip(statements) {
        text.push_str(if number == 1 { "with " } else { ", " });
        text.push_str(&format!("part{number} as ("));
        shifted(statement.text.as_str(), cells.len(), &mut text);
        text.push(')');
        cells.extend(statement.cells);
    }
    if !text.is_empty() {
        text.push(' ');
    }
    shifted(last.text.as_str(), cells.len(), &mut text);
    cells.extend(last.cells);
    Some(Sql { text: AssertSqlSafe(text).into_sql_str(), cells })
}

/// Writes a statement whose first value is the one after so many others.
fn shifted(text: &str, by: usize, to: &mut String) {
    let mut parts = text.split('$');
    to.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let end = part.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(part.len());
        let (number, rest) = part.split_at(end);
        to.push('$');
        match number.parse::<usize>() {
            Ok(number) => to.push_str(&(number + by).to_string()),
            Err(_) => to.push_str(number),
        }
        to.push_str(rest);
    }
}

impl Appended {
    /// Takes an insert, and writes those of its text where they are as many as one statement takes.
    pub(super) async fn add(
        &mut self,
        insert: Sql,
        link: &mut Link<'_>,
    ) -> Result<(), sqlx::Error> {
        let same = |some: &&mut Vec<Sql>| {
            some.first().is_some_and(|first| first.text.as_str() == insert.text.as_str())
        };
        let Some(some) = self.waiting.iter_mut().find(same) else {
            self.waiting.push(vec![insert]);
            return Ok(());
        };
        some.push(insert);
        if some.len() == TOGETHER {
            for insert in together(mem::take(some)) {
                insert.execute(link).await?;
            }
        }
        self.waiting.retain(|some| !some.is_empty());
        Ok(())
    }

    /// Writes the rest, one by one: a statement for every number of rows would be prepared for nothing.
    pub(super) async fn finish(self, link: &mut Link<'_>) -> Result<(), sqlx::Error> {
        for insert in self.waiting.into_iter().flatten() {
            insert.execute(link).await?;
        }
        Ok(())
    }
}

/// Makes one insert of several that have the same text: one answer to wait for instead of many. Returns them as they
/// are where their text is not of the plain form `insert … values ($1, …) …`.
fn together(all: Vec<Sql>) -> Vec<Sql> {
    let Some(text) = all.first().and_then(|first| widened(first.text.as_str(), all.len())) else {
        return all;
    };
    let cells = all.into_iter().flat_map(|one| one.cells).collect();
    vec![Sql { text: AssertSqlSafe(text).into_sql_str(), cells }]
}

/// Returns an insert of one row as one of several.
fn widened(text: &str, rows: usize) -> Option<String> {
    let (start, rest) = text.split_once(" values (")?;
    let (marks, end) = rest.split_once(')')?;
    let width = marks.split(", ").count();
    let plain = (1..=width).map(|mark| format!("${mark}")).collect::<Vec<_>>().join(", ");
    if marks != plain {
        return None;
    }
    let row = |row: usize| {
        let marks = (1..=width).map(|mark| format!("${}", row * width + mark));
        format!("({})", marks.collect::<Vec<_>>().join(", "))
    };
    let tuples: Vec<String> = (0..rows).map(row).collect();
    Some(format!("{start} values {}{end}", tuples.join(", ")))
}

#[cfg(test)]
mod tests {
    use sqlx::Connection as _;

    use super::super::sql::Cell;
    use super::*;

    fn insert(number: i64) -> Sql {
        sql("insert into a (b, c) values ($1, $2) on conflict do nothing").bind(number).bind("x")
    }

    #[test]
    fn inserts_of_one_text_become_one_and_others_stay_as_they_are() {
        let joined = together(vec![insert(1), insert(2)]);
        let [one] = &joined[..] else { panic!("{joined:?}") };
        let text = "insert into a (b, c) values ($1, $2), ($3, $4) on conflict do nothing";
        assert_eq!(one.text.as_str(), text);
        assert_eq!(one.cells, [1.into(), "x".into(), 2.into(), Cell::from("x")]);
        for text in
            ["select 1", "insert into a (b) values (coalesce($1, 2))", "insert into a values (1)"]
        {
            assert_eq!(together(vec![sql(text), sql(text)]).len(), 2, "{text}");
        }
        assert_eq!(together(Vec::new()).len(), 0);
    }

    #[test]
    fn the_values_of_joined_statements_are_counted_on() {
        let other = || sql("insert into b values ($1, '', $12)").bind(7);
        let cells = [1.into(), "x".into(), Cell::from(7)];
        let one = list([insert(1), other(), sql("commit")].into_iter());
        let text = "insert into a (b, c) values ($1, $2) on conflict do nothing; \
             insert into b values ($3, '', $14); commit";
        assert_eq!((one.text.as_str(), &one.cells[..]), (text, &cells[..]));
        let one = nested(vec![insert(1), other()]).unwrap();
        let text = "with part1 as (insert into a (b, c) values ($1, $2) on conflict do nothing) \
             insert into b values ($3, '', $14)";
        assert_eq!((one.text.as_str(), &one.cells[..]), (text, &cells[..]));
        assert_eq!(nested(vec![other()]).unwrap().text.as_str(), other().text.as_str());
        assert!(nested(Vec::new()).is_none());
    }

    async fn tables() -> SqliteConnection {
        let mut conn = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        for text in
            ["create table a (b bigint primary key, c text)", "create table d (e bigint unique)"]
        {
            Link::Sqlite(&mut conn).run(text).await.unwrap();
        }
        conn
    }

    /// Writes these numbers in `a` and `d`, and tells `written`, `there`, or what the database said.
    async fn check(conn: &mut SqliteConnection, numbers: &[i64], expected: &str) {
        let rows = numbers.iter().flat_map(|number| {
            let plain = sql("insert into a (b, c) values ($1, $2)").bind(*number).bind("x");
            [plain, sql("insert into d (e) values ($1)").bind(*number)]
        });
        let said = match Script::new(rows.collect()).commit(conn).await {
            Ok(()) => "written".to_owned(),
            Err(error) => {
                drop(Link::Sqlite(&mut *conn).run("rollback").await);
                if is_there(&error) { "there".to_owned() } else { error.to_string() }
            }
        };
        assert_eq!(said, expected, "{numbers:?}");
    }

    async fn stored(conn: &mut SqliteConnection) -> (i64, i64) {
        let text = "select (select count(*) from a), (select count(*) from d)";
        sql(text).one(&mut Link::Sqlite(conn)).await.unwrap()
    }

    #[tokio::test]
    async fn what_fails_in_the_middle_of_a_message_leaves_nothing_and_ends_it() {
        let mut conn = tables().await;
        check(&mut conn, &[1, 2], "written").await;
        check(&mut conn, &[3, 2], "there").await;
        check(&mut conn, &[], "written").await;
        assert_eq!(stored(&mut conn).await, (2, 2));
        // The same texts again, after each of them has failed.
        check(&mut conn, &[3, 4], "written").await;
        Link::Sqlite(&mut conn).run("alter table d rename to gone").await.unwrap();
        check(&mut conn, &[5], "error returned from database: (code: 1) no such table: d").await;
        check(&mut conn, &[5, 6], "error returned from database: (code: 1) no such table: d").await;
        Link::Sqlite(&mut conn).run("alter table gone rename to d").await.unwrap();
        check(&mut conn, &[5, 6], "written").await;
        assert_eq!(stored(&mut conn).await, (6, 6));
    }

    #[tokio::test]
    async fn a_message_that_comes_again_is_not_prepared_again_and_few_are_kept() {
        let mut conn = tables().await;
        for number in (0..400).step_by(2) {
            check(&mut conn, &[number, number + 1], "written").await;
        }
        // One for all of them, beside the two that made the tables.
        assert_eq!(conn.cached_statements_size(), 3);
        for rows in 1..300 {
            let all = (0..rows).map(|row| sql("insert into a (b) values ($1)").bind(1000 + row));
            let ends = [sql("delete from a where b >= $1").bind(1000)];
            list(all.chain(ends)).execute(&mut Link::Sqlite(&mut conn)).await.unwrap();
        }
        assert_eq!(conn.cached_statements_size(), 100);
    }
}
