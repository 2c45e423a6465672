use std::time::Duration;

/// Where the servers of a distributed deployment are, and what is made on them where it is missing. URLs hold credentials and TLS.
#[derive(Clone)]
pub struct Servers {
    /// `kafka://[user:password@]host:port[,host:port…][?tls=true&ca=FILE&mechanism=SCRAM-SHA-512]`, or the addresses alone.
    pub kafka: String,
    /// `redis[s]://[user:password@]host:port/db[?ca=FILE]`
    pub redis: String,
    /// `http[s]://[user:password@]host:port/[database][?ca=FILE]`
    pub clickhouse: String,
    /// `postgres://user:password@host:port/database[?sslmode=require&sslrootcert=FILE]`
    pub postgres: String,
    /// Names topics, Redis keys, and the ClickHouse database where its URL names none.
    pub prefix: String,
    /// Of the events' topic; fixed in the ledger when the deployment is made.
    pub partitions: u32,
    /// Of the decisions' topic.
    pub reply_partitions: u32,
    /// How many brokers hold each record of a topic that is made here.
    pub replication: u16,
    /// After how long without a sign of life a processor's partitions go to others.
    pub session: Duration,
    /// Connections to Postgres at the most.
    pub postgres_connections: usize,
}
