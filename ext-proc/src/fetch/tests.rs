use super::*;
use crate::config::written::fetch::FetchMedia;
use attache_core::chat::MediaKind;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0";

/// A server that answers every request to a path with these bytes, and keeps what it was asked.
struct Server {
    address: SocketAddr,
    asked: Arc<std::sync::Mutex<Vec<String>>>,
    _task: JoinSet<()>,
}

impl Server {
    async fn start(answer: impl Fn(&str, SocketAddr) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(std::sync::Mutex::new(Vec::new()));
        let mut task = JoinSet::new();
        let seen = asked.clone();
        task.spawn(async move {
            loop {
                let (mut connection, _) = listener.accept().await.unwrap();
                let mut head = vec![0; 8192];
                let length = connection.read(&mut head).await.unwrap();
                let head = String::from_utf8_lossy(&head[..length]).into_owned();
                let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
                seen.lock().unwrap().push(head);
                let answer = answer(&path, address);
                // A client that has seen enough goes away in the middle.
                let _sent = connection.write_all(&answer).await;
                if path == "/stall" {
                    tokio::time::sleep(Duration::from_secs(60)).await;
                }
            }
        });
        Self { address, asked, _task: task }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

fn ok(content_type: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn redirect(to: &str) -> Vec<u8> {
    format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n").into_bytes()
}

/// Rules for the test's own server, changed as the test needs.
fn rules(port: u16, change: impl FnOnce(&mut FetchMedia)) -> Rules {
    let mut written = FetchMedia {
        allow: true,
        ports: vec![port],
        allow_addresses: vec!["127.0.0.0/8".to_owned()],
        ..FetchMedia::default()
    };
    change(&mut written);
    let mut problems = Vec::new();
    let rules = Rules::compile(&written, "models.m.fetch_media", &mut problems);
    assert_eq!(problems, []);
    rules.unwrap()
}

async fn fetch(rules: &Rules, urls: &[String]) -> Result<Vec<Fetched>, String> {
    let wanted = urls.iter().map(|url| Wanted { url: url.clone(), kind: MediaKind::Image }).collect();
    Fetcher::new().unwrap().fetch(rules, wanted).await.map_err(|fault| {
        assert_eq!((fault.status, fault.code.as_deref()), (400, Some(FAULT_CODE)));
        fault.message
    })
}

#[track_caller]
fn refused(answer: Result<Vec<Fetched>, String>, why: &str) {
    let message = answer.unwrap_err();
    assert!(message.ends_with(why), "{message}");
    assert!(!message.contains("secret"), "{message}");
}

#[tokio::test]
async fn media_come_as_base64_and_nothing_of_the_client_goes() {
    let server = Server::start(|_, _| ok("image/png", PNG)).await;
    let url = server.url("/a.png?secret=1");
    let fetched = fetch(&rules(server.address.port(), |_| {}), &[url.clone(), server.url("/b")]).await.unwrap();
    assert_eq!(fetched[0], Fetched { url, media_type: "image/png".into(), base64: STANDARD.encode(PNG) });
    assert_eq!(fetched.len(), 2);
    let mut asked = server.asked.lock().unwrap().clone();
    asked.sort();
    let host = server.address;
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        asked[0],
        format!(
            "GET /a.png?secret=1 HTTP/1.1\r\nhost: {host}\r\naccept: */*\r\naccept-encoding: identity\r\n\
             connection: close\r\nuser-agent: attache/{version}\r\n\r\n"
        )
    );
}

#[tokio::test]
async fn what_is_not_public_is_not_asked() {
    let server = Server::start(|_, _| ok("image/png", PNG)).await;
    let port = server.address.port();
    let rules = rules(port, |written| written.allow_addresses.clear());
    // Every way to write this host that the system's resolver knows, and some of others.
    for host in [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "10.0.0.1",
    ] {
        let message = fetch(&rules, &[format!("http://{host}:{port}/secret")]).await.unwrap_err();
        let address = message.ends_with("it is at an address from which nothing is fetched");
        assert!(address || message.ends_with("it has a host whose name is not known"), "{host}: {message}");
    }
    assert_eq!(server.asked.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn hosts_and_ports_are_limited() {
    let server = Server::start(|_, _| ok("image/png", PNG)).await;
    let port = server.address.port();
    let elsewhere = rules(80, |_| {});
    refused(
        fetch(&elsewhere, &[server.url("/secret")]).await,
        &format!("is at port {port}, from which nothing is fetched"),
    );
    let named = rules(port, |written| written.hosts = vec!["*.Example.com".into(), "LOCALHOST".into()]);
    refused(fetch(&named, &[server.url("/secret")]).await, "is not among the hosts from which media are fetched");
    let url = format!("http://LocalHost:{port}/");
    assert!(fetch(&named, &[url]).await.is_ok());
    refused(fetch(&named, &["http://u:secret@localhost/".into()]).await, "a URL in the request holds credentials");
}

#[tokio::test]
async fn a_redirect_is_checked_like_the_first_url() {
    let server = Server::start(|path, address| match path {
        "/once" => redirect("/here"),
        "/here" => ok("image/png", PNG),
        "/thrice" => redirect("twice"),
        "/twice" => redirect(&format!("http://{address}/once")),
        "/metadata" => redirect(&format!("http://169.254.169.254:{}/secret", address.port())),
        "/port" => redirect("http://127.0.0.1:1/secret"),
        "/file" => redirect("file:///secret"),
        "/ftp" => redirect("ftp://127.0.0.1/secret"),
        "/nowhere" => b"HTTP/1.1 302 Found\r\ncontent-length: 0\r\n\r\n".to_vec(),
        _ => redirect("/loop"),
    })
    .await;
    let rules = rules(server.address.port(), |_| {});
    for good in ["/once", "/thrice"] {
        assert_eq!(fetch(&rules, &[server.url(good)]).await.unwrap()[0].media_type, "image/png", "{good}");
    }
    for (path, why) in [
        ("/loop", "redirects more than 3 times"),
        ("/metadata", "is at an address from which nothing is fetched"),
        ("/port", "is at port 1, from which nothing is fetched"),
        ("/file", "redirects to a URL that is no valid URL"),
        ("/ftp", "redirects to a URL that is neither http nor https"),
        ("/nowhere", "answered with status 302 and says not where to go"),
    ] {
        refused(fetch(&rules, &[server.url(path)]).await, why);
    }
}

#[tokio::test]
async fn sizes_times_and_numbers_are_limited() {
    let chunked = || {
        let mut answer = b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        for _ in 0..100 {
            answer.extend_from_slice(b"a\r\n");
            answer.extend_from_slice(PNG);
            answer.extend_from_slice(b"\r\n");
        }
        answer.extend_from_slice(b"0\r\n\r\n");
        answer
    };
    let server = Server::start(move |path, _| match path {
        "/chunked" => chunked(),
        "/announced" => b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 99999999999\r\n\r\n".to_vec(),
        "/stall" => b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 10\r\n\r\n\x89PNG".to_vec(),
        "/cut" => b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 10\r\n\r\n\x89PNG".to_vec(),
        _ => ok("image/png", PNG),
    })
    .await;
    let port = server.address.port();
    let small = rules(port, |written| written.bytes_max = 15);
    let too_large = "is too large: the model's limit for fetched files is reached";
    assert!(fetch(&small, &[server.url("/")]).await.is_ok());
    for paths in [&["/chunked"][..], &["/announced"], &["/a", "/b"]] {
        let urls: Vec<_> = paths.iter().map(|path| server.url(path)).collect();
        refused(fetch(&small, &urls).await, too_large);
    }
    assert!(fetch(&rules(port, |_| {}), &[server.url("/chunked")]).await.is_ok());
    refused(fetch(&small, &[server.url("/cut")]).await, "broke off");
    let few = rules(port, |written| written.count_max = 1);
    refused(fetch(&few, &[server.url("/a"), server.url("/b")]).await, "at most 1 are fetched");
    let hasty = rules(port, |written| written.timeout = "200ms".into());
    refused(fetch(&hasty, &[server.url("/stall")]).await, "did not come within 200ms");
}

#[tokio::test]
async fn what_comes_is_what_it_says() {
    let server = Server::start(|path, _| match path {
        "/page" => ok("image/png", b"<html>secret</html>"),
        "/jpeg" => ok("image/png", b"\xff\xd8\xff\xe0"),
        "/gone" => b"HTTP/1.1 404 Not Found\r\ncontent-length: 6\r\n\r\nsecret".to_vec(),
        "/zipped" => b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 1\r\n\r\nx".to_vec(),
        "/ssh" => b"SSH-2.0-OpenSSH_9.6\r\n".to_vec(),
        "/head" => [b"HTTP/1.1 200 OK\r\nx: ".to_vec(), vec![b'a'; 1 << 20]].concat(),
        _ => Vec::new(),
    })
    .await;
    let rules = rules(server.address.port(), |_| {});
    for (path, why) in [
        ("/page", "it is called `image/png` and is a text"),
        ("/jpeg", "it is called `image/png` and is `image/jpeg`"),
        ("/gone", "it answered with status 404"),
        ("/zipped", "it answered with a compressed body, which was not asked for"),
        ("/ssh", "it does not answer as a web server does"),
        ("/head", "it does not answer as a web server does"),
        ("/silent", "it does not answer as a web server does"),
    ] {
        refused(fetch(&rules, &[server.url(path)]).await, why);
    }
    let secure = server.url("/").replace("http:", "https:");
    refused(fetch(&rules, &[secure]).await, "it does not speak TLS with a certificate that is trusted");
}

#[test]
fn off_is_off() {
    assert!(Rules::compile(&FetchMedia::default(), "", &mut Vec::new()).is_none());
    let wrong = FetchMedia {
        allow: true,
        bytes_max: 0,
        timeout: "soon".into(),
        count_max: 0,
        allow_addresses: vec!["10.0.0.0/99".into()],
        ..FetchMedia::default()
    };
    let mut problems = Vec::new();
    Rules::compile(&wrong, "models.m.fetch_media", &mut problems);
    let paths: Vec<_> = problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(
        paths,
        ["timeout", "bytes_max", "count_max", "allow_addresses[0]"]
            .map(|field| format!("models.m.fetch_media.{field}"))
    );
}

#[tokio::test]
async fn an_ask_is_completed_for_who_takes_bytes_only() {
    use attache_core::dialect::Upstream;
    let server = Server::start(|_, _| ok("image/png", PNG)).await;
    let rules = rules(server.address.port(), |_| {});
    let url = server.url("/a.png");
    let body = format!(
        r#"{{"model":"m","messages":[{{"role":"user","content":[{{"type":"image_url","image_url":{{"url":"{url}"}}}}]}}]}}"#
    );
    let fetcher = Fetcher::new().unwrap();
    let ask = || Ask::read(Dialect::OpenAi, body.as_bytes()).unwrap();
    for (upstream, rules, asked) in
        [(Dialect::OpenAi, Some(&rules), 0), (Dialect::Anthropic, Some(&rules), 0), (Dialect::Converse, None, 0)]
    {
        complete(&mut ask(), upstream, rules, Some(&fetcher)).await.unwrap();
        assert_eq!(server.asked.lock().unwrap().len(), asked, "{upstream:?}");
    }
    let mut completed = ask();
    complete(&mut completed, Dialect::Converse, Some(&rules), Some(&fetcher)).await.unwrap();
    assert_eq!(server.asked.lock().unwrap().len(), 1);
    // Whoever comes next gets the bytes, too.
    let body = completed.translate(Dialect::Anthropic, &Upstream::new("claude"), 7).unwrap().body.unwrap();
    let body = String::from_utf8(body).unwrap();
    assert!(body.contains(&STANDARD.encode(PNG)) && !body.contains(&url), "{body}");
}
