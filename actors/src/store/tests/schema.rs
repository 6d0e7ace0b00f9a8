//! Both databases have the same tables, columns, keys, checks and indexes, made by the same steps.

use std::collections::BTreeSet;

use sqlx::Row as _;

use super::backend::Backend;
use super::*;

/// A fact of a schema, in words that both share.
type Facts = BTreeSet<String>;

#[test]
fn both_have_the_same_migrations() {
    let named = |migrations: &Migrator| -> Vec<(i64, String)> {
        migrations.iter().map(|step| (step.version, step.description.to_string())).collect()
    };
    let (file, server) = (named(&open::MIGRATIONS), named(&server::MIGRATIONS));
    assert!(8 <= file.iter().map(|(version, _)| *version).max().unwrap());
    assert_eq!(file, server, "a migration has no twin for the other database");
}

#[tokio::test]
async fn both_have_the_same_schema() {
    let Some(server) = Backend::server() else { return };
    let mut server = server.opened("r").await;
    let mut file = open::in_memory(&run("r")).await.unwrap();
    let (file, server) = (of_file(&mut file.conn).await, of_server(&mut server.conn).await);
    let missing: Vec<_> = file.difference(&server).collect();
    let more: Vec<_> = server.difference(&file).collect();
    assert!(missing.is_empty() && more.is_empty(), "missing {missing:#?}, more {more:#?}");
    for fact in [
        "orders.limit_price bigint not null",
        "orders primary key (run, strategy, number)",
        "orders foreign key (run) to runs (run)",
        "orders_by_strategy on orders (run, strategy, seq)",
        "runs unique (number)",
        "decisions.moved_by text null",
    ] {
        assert!(file.contains(fact), "{fact} in {file:#?}");
    }
    assert!(file.iter().any(|fact| fact.starts_with("fills check ")), "{file:#?}");
}

/// Where one is forgotten, a run that is opened again gives its numbers a second time, and loses what has them.
#[tokio::test]
async fn every_table_that_numbers_its_rows_counts_for_the_next_number() {
    let mut file = open::in_memory(&run("r")).await.unwrap();
    let numbered = "select distinct m.name from sqlite_schema m join pragma_table_info(m.name) c \
         where m.type = 'table' and c.name = 'seq'";
    let numbered = text_of(&mut file.conn, numbered).await;
    assert!(14 <= numbered.len(), "{numbered:?}");
    for table in numbered.into_iter().flatten() {
        assert!(open::LAST_SEQ.contains(&format!("from {table} where")), "{table}");
    }
}

async fn text_of(conn: &mut Conn, query: &str) -> Vec<Vec<String>> {
    let query = sqlx::query(AssertSqlSafe(query.to_owned()));
    match conn {
        Conn::Sqlite(conn) => {
            let rows = query.fetch_all(&mut **conn).await.unwrap();
            rows.iter().map(|row| (0..row.len()).map(|i| row.get(i)).collect()).collect()
        }
        Conn::Postgres(_) => panic!("a file"),
    }
}

async fn of_file(conn: &mut Conn) -> Facts {
    let mut facts = Facts::new();
    let tables = "select name, sql from sqlite_schema where type = 'table' and name not like '\\_%' \
         escape '\\' and name not like 'sqlite%'";
    for table in text_of(conn, tables).await {
        let (name, made) = (&table[0], &table[1]);
        let columns = format!(
            "select name, lower(type), cast(\"notnull\" as text), cast(pk as text) \
             from pragma_table_info('{name}') order by pk"
        );
        let columns = text_of(conn, &columns).await;
        for column in &columns {
            let null = if column[2] == "1" { "not null" } else { "null" };
            facts.insert(format!("{name}.{} {} {null}", column[0], column[1]));
        }
        let key: Vec<&str> =
            columns.iter().filter(|c| c[3] != "0").map(|c| c[0].as_str()).collect();
        facts.insert(format!("{name} primary key ({})", key.join(", ")));
        let foreign = format!(
            "select \"from\", \"table\", coalesce(\"to\", '') from pragma_foreign_key_list('{name}')"
        );
        for key in text_of(conn, &foreign).await {
            facts.insert(format!("{name} foreign key ({}) to {} ({})", key[0], key[1], key[2]));
        }
        let indexes = format!("select name, origin from pragma_index_list('{name}')");
        for index in text_of(conn, &indexes).await {
            let columns = format!("select name from pragma_index_info('{}')", index[0]);
            let columns: Vec<String> =
                text_of(conn, &columns).await.into_iter().flatten().collect();
            let columns = columns.join(", ");
            match index[1].as_str() {
                "u" => facts.insert(format!("{name} unique ({columns})")),
                "c" => facts.insert(format!("{} on {name} ({columns})", index[0])),
                _ => true,
            };
        }
        facts.extend(checks(made).into_iter().map(|check| format!("{name} check {check}")));
    }
    facts
}

/// Returns the conditions in the statement that made a table, without blanks.
fn checks(made: &str) -> Vec<String> {
    let lines = made.lines().map(|line| line.split("--").next().unwrap_or_default());
    let made: String = lines.collect::<Vec<_>>().join(" ");
    let mut found = Vec::new();
    for (at, word) in made.match_indices("check (") {
        let rest = &made[at + word.len() - 1..];
        let mut depth = 0;
        let end = rest.find(|letter| {
            depth += i32::from(letter == '(') - i32::from(letter == ')');
            depth == 0
        });
        found.push(plain(&rest[..=end.unwrap()]));
    }
    found
}

/// Writes a condition as both understand it: the server keeps it in its own words.
fn plain(condition: &str) -> String {
    let mut text = condition.to_lowercase();
    for word in ["::text[]", "::text", "::bigint"] {
        text = text.replace(word, "");
    }
    let text: String = text.chars().filter(|letter| !" ()".contains(*letter)).collect();
    let text = text.replace("=anyarray[", "in").replace(']', "");
    // `x between 1 and 9` is kept as two comparisons.
    match text.split_once("between") {
        Some((column, bounds)) => {
            let (least, most) = bounds.split_once("and").unwrap();
            format!("{column}>={least}and{column}<={most}")
        }
        None => text,
    }
}

async fn of_server(conn: &mut Conn) -> Facts {
    const COLUMNS: &str = "select table_name::text || '.' || column_name || ' ' || data_type || \
         case is_nullable when 'YES' then ' null' else ' not null' end \
         from information_schema.columns where table_schema = current_schema() \
         and table_name not like '\\_%'";
    const INDEXES: &str = "select indexdef from pg_indexes where schemaname = current_schema() \
         and tablename not like '\\_%'";
    const CONSTRAINTS: &str = "select conrelid::regclass::text, contype::text, \
         pg_get_constraintdef(oid) from pg_constraint where conrelid <> 0 \
         and connamespace = current_schema()::regnamespace and conrelid::regclass::text not like '\\_%'";
    let link = &mut conn.link();
    let mut facts = Facts::new();
    for (column,) in sql(COLUMNS).all::<(String,)>(link).await.unwrap() {
        facts.insert(column);
    }
    let mut keys = BTreeSet::new();
    for (table, kind, said) in sql(CONSTRAINTS).all::<(String, String, String)>(link).await.unwrap()
    {
        let said = said.replace("REFERENCES ", "to ");
        match kind.as_str() {
            "p" => keys.insert(format!("{table} {}", said.replace("PRIMARY KEY", "primary key"))),
            "u" => keys.insert(format!("{table} {}", said.replace("UNIQUE", "unique"))),
            "c" => {
                keys.insert(format!("{table} check {}", plain(said.trim_start_matches("CHECK"))))
            }
            "f" => {
                let said =
                    said.replace("FOREIGN KEY", "foreign key").replace("(run)to", "(run) to");
                keys.insert(format!("{table} {}", said.replace("runs(", "runs (")))
            }
            other => panic!("{other}: {said}"),
        };
    }
    for (made,) in sql(INDEXES).all::<(String,)>(link).await.unwrap() {
        // `create unique index` is of a key above.
        let Some(index) = made.strip_prefix("CREATE INDEX ") else { continue };
        let (name, rest) = index.split_once(" ON public.").unwrap();
        let (table, columns) = rest.split_once(" USING btree ").unwrap();
        facts.insert(format!("{name} on {table} {columns}"));
    }
    facts.extend(keys);
    facts
}
