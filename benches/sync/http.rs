//! Just enough HTTP to measure with: keep-alive connections that send a request and read an answer.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

/// One customer's session over one connection.
pub(crate) struct Client {
    stream: Mutex<TcpStream>,
    head: String,
    base: String,
    /// The account, as the recipient knows it.
    pub(crate) account_id: String,
    /// The account, by the source's own key.
    pub(crate) account: String,
}

impl Client {
    pub(crate) async fn open(address: SocketAddr, tenant: &str, token: &str, account: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut client = Self {
            stream: Mutex::new(stream),
            head: format!(
                "Host: {address}\r\nAuthorization: Bearer {token}\r\nx-fapi-auth-date: Tue, 24 Nov 2026 03:00:00 GMT\r\n"
            ),
            base: format!("/t/{tenant}/cds-au/v1"),
            account_id: String::new(),
            account: account.to_owned(),
        };
        let listed: serde_json::Value = serde_json::from_str(&client.get("/energy/accounts", 2).await?)?;
        let id = listed["data"]["accounts"][0]["accountId"].as_str();
        client.account_id = id.with_context(|| format!("an account is listed: {listed}"))?.to_owned();
        Ok(client)
    }

    pub(crate) async fn balance(&self) -> Result<String> {
        self.get(&format!("/energy/accounts/{}/balance", self.account_id), 1).await
    }

    /// What recipients ask for most, in turn.
    async fn mixed(&self, turn: u64) -> Result<String> {
        let id = &self.account_id;
        match turn % 5 {
            0 => self.get("/energy/accounts", 2).await,
            1 => self.get(&format!("/energy/accounts/{id}"), 4).await,
            2 => self.get(&format!("/energy/accounts/{id}/invoices"), 1).await,
            3 => self.get(&format!("/energy/accounts/{id}/billing"), 3).await,
            _ => self.balance().await,
        }
    }

    async fn get(&self, path: &str, version: u32) -> Result<String> {
        self.ask("GET", path, version, "").await
    }

    /// Asks for a path after the base, with a body in JSON unless it is empty; answers the body of a 200.
    pub(crate) async fn ask(&self, method: &str, path: &str, version: u32, body: &str) -> Result<String> {
        let sent = match body.len() {
            0 => String::new(),
            length => format!("Content-Type: application/json\r\nContent-Length: {length}\r\n"),
        };
        let request = format!(
            "{method} {}{path} HTTP/1.1\r\n{}x-v: {version}\r\n{sent}\r\n{body}",
            self.base, self.head
        );
        let (status, body) = exchange(&mut *self.stream.lock().await, &request).await?;
        if status != 200 {
            bail!("{method} {path} answered {status}: {body}");
        }
        Ok(body)
    }
}

async fn exchange(stream: &mut TcpStream, request: &str) -> Result<(u16, String)> {
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::with_capacity(16 * 1024);
    let (head_len, body_len) = loop {
        if stream.read_buf(&mut answer).await? == 0 {
            bail!("the server closed the connection");
        }
        if let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = std::str::from_utf8(&answer[..end])?.to_ascii_lowercase();
            let length =
                head.lines().find_map(|line| line.strip_prefix("content-length:")).context("a length")?;
            break (end + 4, length.trim().parse::<usize>()?);
        }
    };
    while answer.len() < head_len + body_len {
        if stream.read_buf(&mut answer).await? == 0 {
            bail!("the server closed the connection");
        }
    }
    let status = std::str::from_utf8(answer.get(9..12).context("a status")?)?.parse()?;
    Ok((status, String::from_utf8_lossy(&answer[head_len..]).into_owned()))
}

/// What a load found.
pub(crate) struct Load {
    pub(crate) per_sec: f64,
    pub(crate) secure_ms: Vec<f64>,
    pub(crate) public_ms: Vec<f64>,
}

impl Load {
    /// Sends requests at fixed rates, whether or not earlier ones are answered; each latency counts from the moment
    /// that its request was due.
    pub(crate) async fn run(
        clients: &[Client],
        address: SocketAddr,
        secure_per_sec: u64,
        public_per_sec: u64,
        time: Duration,
    ) -> Result<Self> {
        let began = Instant::now();
        let secure = futures::future::try_join_all(clients.iter().enumerate().map(|(at, client)| {
            paced(began, at, clients.len(), secure_per_sec, time, async |turn| {
                client.mixed(turn).await.map(drop)
            })
        }));
        const PUBLIC_CONNECTIONS: usize = 20;
        let public = futures::future::try_join_all((0..PUBLIC_CONNECTIONS).map(async |at| {
            let stream = Mutex::new(TcpStream::connect(address).await?);
            let request = format!("GET /health HTTP/1.1\r\nHost: {address}\r\n\r\n");
            paced(began, at, PUBLIC_CONNECTIONS, public_per_sec, time, async |_| {
                exchange(&mut *stream.lock().await, &request).await.map(drop)
            })
            .await
        }));
        let (secure, public) = futures::future::try_join(secure, public).await?;
        let (secure_ms, public_ms) = (secure.concat(), public.concat());
        let per_sec = (secure_ms.len() + public_ms.len()) as f64 / began.elapsed().as_secs_f64();
        Ok(Self { per_sec, secure_ms, public_ms })
    }
}

/// One of several connections that share a rate.
async fn paced(
    began: Instant,
    at: usize,
    of: usize,
    per_sec: u64,
    time: Duration,
    send: impl AsyncFn(u64) -> Result<()>,
) -> Result<Vec<f64>> {
    let gap = Duration::from_secs_f64(of as f64 / per_sec as f64);
    let mut due = gap.mul_f64(at as f64 / of as f64);
    let mut latencies_ms = Vec::new();
    let mut turn = at as u64;
    while due < time {
        tokio::time::sleep_until((began + due).into()).await;
        send(turn).await?;
        latencies_ms.push((began.elapsed() - due).as_secs_f64() * 1_000.0);
        due += gap;
        turn += 1;
    }
    Ok(latencies_ms)
}
