//! Connecting to Redis, whichever way it is run.

use super::settings::{Problem, Sentinel, Settings, info, password};
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::sentinel::{SentinelClientBuilder, SentinelServerType};
use redis::{AsyncConnectionConfig, Client, Cmd, RedisError, RedisResult, TlsMode, Value};
use std::time::Duration;

/// Longest time to reach a server, and to hear that it is well.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// A connection that many calls share; each clone is a handle. A task of the runtime on which it was made serves it.
#[derive(Clone)]
pub enum Connection {
    /// To one server.
    One(MultiplexedConnection),
    /// To all nodes of a cluster.
    Cluster(ClusterConnection),
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum NoConnection {
    /// The settings are wrong.
    #[error(transparent)]
    Settings(#[from] Problem),
    /// The server refuses, or is not there.
    #[error(transparent)]
    Redis(#[from] RedisError),
    /// Nobody answers.
    #[error("no answer within a second")]
    Timeout(#[from] tokio::time::error::Elapsed),
}

impl Connection {
    /// Connects and makes sure that somebody answers.
    ///
    /// # Errors
    /// Why there is no connection.
    pub async fn open(settings: &Settings) -> Result<Self, NoConnection> {
        // The process may have several; then rustls must be told. It is no matter whether somebody was faster.
        let _known = rustls::crypto::ring::default_provider().install_default();
        let connection = tokio::time::timeout(CONNECT_TIMEOUT, Self::reach(settings)).await??;
        tokio::time::timeout(CONNECT_TIMEOUT, connection.clone().run(&redis::cmd("PING"))).await??;
        Ok(connection)
    }

    async fn reach(settings: &Settings) -> Result<Self, NoConnection> {
        if let Some(sentinel) = &settings.sentinel {
            return one(&master(settings, sentinel).await?).await;
        }
        match &settings.url {
            Some(url) => one(&client(settings, url)?).await,
            None => cluster(settings).await,
        }
    }

    /// Asks something, for as long as it takes.
    ///
    /// # Errors
    /// What went wrong, but for what a server says: that is a value.
    pub async fn run(&mut self, command: &Cmd) -> RedisResult<Value> {
        match self {
            Self::One(connection) => connection.send_packed_command(command).await,
            Self::Cluster(connection) => connection.req_packed_command(command).await,
        }
    }
}

async fn one(client: &Client) -> Result<Connection, NoConnection> {
    // Callers say themselves how long they wait.
    let config = AsyncConnectionConfig::new().set_response_timeout(None).set_connection_timeout(Some(CONNECT_TIMEOUT));
    Ok(Connection::One(client.get_multiplexed_async_connection_with_config(&config).await?))
}

fn client(settings: &Settings, url: &str) -> Result<Client, NoConnection> {
    let info = settings.server(url)?;
    Ok(if settings.tls() { Client::build_with_tls(info, settings.certificates()?)? } else { Client::open(info)? })
}

/// Asks the Sentinels who the master is.
async fn master(settings: &Settings, sentinel: &Sentinel) -> Result<Client, NoConnection> {
    let infos = sentinel.urls.iter().map(|url| info(url)).collect::<Result<Vec<_>, _>>()?;
    let addresses = infos.iter().map(|info| info.addr().clone());
    let mut builder = SentinelClientBuilder::new(addresses, &sentinel.master, SentinelServerType::Master)?;
    if settings.tls() {
        let certificates = settings.certificates()?;
        builder =
            builder.set_client_to_redis_tls_mode(TlsMode::Secure).set_client_to_sentinel_tls_mode(TlsMode::Secure);
        builder = builder.set_client_to_redis_certificates(certificates.clone());
        builder = builder.set_client_to_sentinel_certificates(certificates);
    }
    if let Some(username) = &settings.username {
        builder = builder.set_client_to_redis_username(username);
    }
    if let Some(password) = settings.password()? {
        builder = builder.set_client_to_redis_password(password);
    }
    if let Some(username) = &sentinel.username {
        builder = builder.set_client_to_sentinel_username(username);
    }
    if let Some(password) = password(sentinel.password.as_ref())? {
        builder = builder.set_client_to_sentinel_password(password);
    }
    Ok(builder.build()?.async_get_client().await?)
}

async fn cluster(settings: &Settings) -> Result<Connection, NoConnection> {
    let nodes = settings.cluster.iter().map(|url| info(url)).collect::<Result<Vec<_>, _>>()?;
    let mut builder = ClusterClientBuilder::new(nodes).retries(1).connection_timeout(CONNECT_TIMEOUT);
    builder = builder.response_timeout(CONNECT_TIMEOUT);
    if settings.tls() {
        builder = builder.certs(settings.certificates()?).tls(TlsMode::Secure);
    }
    if let Some(username) = &settings.username {
        builder = builder.username(username);
    }
    if let Some(password) = settings.password()? {
        builder = builder.password(password);
    }
    Ok(Connection::Cluster(builder.build()?.get_async_connection().await?))
}
