//! What `auth` means: exactly one form, its secrets read, and a digest by which a reload knows what has changed.

use super::Problem;
use super::compiled::{header_name, secret};
use super::written::auth::{Auth, Aws, Azure, Gcp, Keys};
use super::written::{Secret, SecretFile};
use crate::credentials::azure::Proof;
use crate::credentials::{AwsKeys, Credentials, Kind, Place, Pool, aws, azure, gcp};
use crate::outbound::check_url;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// Most keys of one pool: a list that is longer is a mistake, and choosing looks at each.
const KEYS_MAX: usize = 256;

/// The forms of `auth`.
const FORMS: &str = "one of { bearer: KEYS }, { header: NAME, value: KEYS }, { query: NAME, value: KEYS }, { aws: … }, { gcp: … }, { azure: … }";

/// What is expected at a path within `auth` or `headers`.
pub(super) fn expected(path: &str) -> &'static str {
    let (_, within) = path.split_once(".auth").unwrap_or_default();
    if path.split('.').nth(2).is_some_and(|part| part == "key" || part.starts_with("key[")) {
        "expected a key: a string such as ${ENV}, or { file: PATH }, or a list of such"
    } else if within.starts_with(".aws") {
        "expected { region: NAME }, beside it service, access_key_id, secret_access_key, session_token, profile; keys are \
         strings such as ${ENV}, or { file: PATH }"
    } else if within.starts_with(".gcp") {
        "expected { service_account: { file: PATH } } or {}, beside it token_url: URL, scopes: [URL]"
    } else if within.starts_with(".azure") {
        "expected { tenant_id, client_id, client_secret }, { tenant_id, client_id, federated_token_file: PATH } or \
         { managed_identity: true }, beside it authority: URL, scope: URL; a secret is a string such as ${ENV}, or { file: PATH }"
    } else {
        "expected { bearer: KEYS }, { header: NAME, value: KEYS }, { query: NAME, value: KEYS }, { aws: … }, { gcp: … } or \
         { azure: … }, where KEYS are a string such as ${ENV}, or { file: PATH }, or a list of such; headers are NAME: SECRET"
    }
}

/// Finds out what the credentials of a provider are.
pub(crate) fn compile(
    provider: &str,
    written: Option<&Auth>,
    at: &str,
    problems: &mut Vec<Problem>,
) -> Option<Credentials> {
    let mut digest = Fingerprint::default();
    let kind = match written {
        None => Kind::Nothing,
        Some(auth) => {
            digest.add(&serde_json::to_string(auth).unwrap_or_default());
            let mut reading = Reading { provider, digest: &mut digest, problems };
            reading.kind(auth, at)?
        }
    };
    Some(Credentials::new(provider, kind, digest.end()))
}

/// What is known while `auth` is read.
struct Reading<'a> {
    provider: &'a str,
    digest: &'a mut Fingerprint,
    problems: &'a mut Vec<Problem>,
}

impl Reading<'_> {
    fn kind(&mut self, auth: &Auth, at: &str) -> Option<Kind> {
        let Auth { bearer, header, query, value, aws, gcp, azure } = auth;
        match (bearer, header, query, value, aws, gcp, azure) {
            (Some(bearer), None, None, None, None, None, None) => {
                let pool = self.pool(bearer, "Bearer ", &format!("{at}.bearer"))?;
                Some(Kind::Keys(Place::Header("authorization".to_owned()), pool))
            }
            (None, Some(header), None, Some(value), None, None, None) => {
                let name = header_name(header, &format!("{at}.header"), self.problems);
                let pool = self.pool(value, "", &format!("{at}.value"));
                Some(Kind::Keys(Place::Header(name?), pool?))
            }
            (None, None, Some(query), Some(value), None, None, None) => {
                let name = self.query_name(query, &format!("{at}.query"));
                let pool = self.pool(value, "", &format!("{at}.value"));
                Some(Kind::Keys(Place::Query(name?), pool?))
            }
            (None, None, None, None, Some(aws), None, None) => self.aws(aws, &format!("{at}.aws")),
            (None, None, None, None, None, Some(gcp), None) => self.gcp(gcp, &format!("{at}.gcp")),
            (None, None, None, None, None, None, Some(azure)) => self.azure(azure, &format!("{at}.azure")),
            _ => self.wrong(at, format!("write {FORMS}, and no two of them")),
        }
    }

    fn pool(&mut self, keys: &Keys, prefix: &str, at: &str) -> Option<Pool> {
        let is_list = matches!(keys, Keys::Pool(_));
        let keys = keys.all();
        if keys.len() > KEYS_MAX {
            return self.wrong(at, format!("{} keys; a pool has {KEYS_MAX} at most", keys.len()));
        }
        let before = self.problems.len();
        let mut secrets: Vec<SecretString> = Vec::with_capacity(keys.len());
        for (i, key) in keys.iter().enumerate() {
            let at = if is_list { format!("{at}[{i}]") } else { at.to_owned() };
            let Some(secret) = self.secret(key, prefix, &at) else { continue };
            if secrets.iter().any(|before| before.expose_secret() == secret.expose_secret()) {
                // It would have two turns, and go on serving under one name while it rests under the other.
                self.wrong::<()>(&at, "this key stands in the pool twice");
            }
            secrets.push(secret);
        }
        if self.problems.len() > before {
            return None;
        }
        Pool::of(secrets).or_else(|| self.wrong(at, "an empty pool of keys lets nobody in"))
    }

    fn aws(&mut self, written: &Aws, at: &str) -> Option<Kind> {
        let Aws { region, service, access_key_id, secret_access_key, session_token, profile } = written;
        let fits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        for (name, text, example) in [("region", region, "us-east-1 is one"), ("service", service, "bedrock is one")] {
            if !fits(text) {
                return self.wrong(&format!("{at}.{name}"), format!("this is no {name} of AWS; {example}"));
            }
        }
        let scope = aws::Scope { region: region.clone(), service: service.clone() };
        match (access_key_id, secret_access_key, session_token, profile) {
            (Some(id), Some(secret), token, None) => {
                let id = self.secret(id, "", &format!("{at}.access_key_id"));
                let secret = self.secret(secret, "", &format!("{at}.secret_access_key"));
                let token = token.as_ref().map(|token| self.secret(token, "", &format!("{at}.session_token")));
                let keys = aws::keys(&id?, &secret?, token.map_or(Some(None), |token| token.map(Some))?.as_ref());
                Some(Kind::Aws(scope, AwsKeys::Own(keys)))
            }
            (None, None, None, profile) => Some(Kind::aws_chain(self.provider, scope, profile.clone())),
            _ => {
                let message = "write access_key_id and secret_access_key (with session_token for temporary keys), or \
                               none of them: then the standard chain finds keys, with `profile` if you like";
                self.wrong(at, message)
            }
        }
    }

    fn gcp(&mut self, written: &Gcp, at: &str) -> Option<Kind> {
        let Gcp { service_account, token_url, scopes } = written;
        let before = self.problems.len();
        let example = "https://oauth2.googleapis.com/token";
        if let Some(Err(problem)) = token_url.as_ref().map(|url| check_url(url, example)) {
            self.wrong::<()>(&format!("{at}.token_url"), problem);
        }
        if scopes.iter().any(|scope| scope.is_empty() || !scope.bytes().all(|byte| byte.is_ascii_graphic())) {
            let message = "a scope is a URL such as https://www.googleapis.com/auth/cloud-platform";
            self.wrong::<()>(&format!("{at}.scopes"), message);
        }
        let from = match service_account {
            None => gcp::From::Default(gcp::Places::of(&process_environment)),
            Some(file) => {
                let at = format!("{at}.service_account");
                let text = self.whole_file(file, &at)?;
                match gcp::Source::parse(text.expose_secret()) {
                    Ok(source) => gcp::From::Known(Box::new(source)),
                    Err(problem) => return self.wrong(&at, problem),
                }
            }
        };
        let gcp = gcp::Gcp { from, token_url: token_url.clone(), scopes: scopes.clone() };
        (self.problems.len() == before).then(|| Kind::gcp(self.provider, gcp))
    }

    fn azure(&mut self, written: &Azure, at: &str) -> Option<Kind> {
        let Azure { tenant_id, client_id, client_secret, federated_token_file, managed_identity, authority, scope } =
            written;
        let scope = scope.as_deref().unwrap_or(azure::SCOPE);
        // The metadata service knows no TLS, and its address leads no further than the machine's host.
        let unchecked = |url: &&String| *managed_identity && url.trim_end_matches('/') == azure::IMDS;
        let url = authority.as_ref().filter(|url| !unchecked(url));
        if let Some(Err(problem)) = url.map(|url| check_url(url, azure::AUTHORITY)) {
            return self.wrong(&format!("{at}.authority"), problem);
        }
        let azure = match (tenant_id, client_id, client_secret, federated_token_file, managed_identity) {
            (None, client_id, None, None, true) => {
                azure::Azure::managed(authority.as_deref(), client_id.as_deref(), scope, &process_environment)
            }
            (Some(tenant_id), Some(client_id), secret, file, false) if secret.is_some() != file.is_some() => {
                let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
                if tenant_id.is_empty() || !tenant_id.bytes().all(fits) {
                    return self.wrong(&format!("{at}.tenant_id"), "a tenant is its id, or one of its domains");
                }
                let secret = secret.as_ref().map(|secret| self.secret(secret, "", &format!("{at}.client_secret")));
                let proof = match (secret, file) {
                    (Some(secret), _) => Proof::Secret(secret?),
                    (None, file) => Proof::TokenFile(file.clone()?),
                };
                let authority = authority.as_deref().unwrap_or(azure::AUTHORITY);
                azure::Azure::application(authority, tenant_id, client_id, proof, scope)
            }
            _ => {
                let message = "write { tenant_id, client_id, client_secret }, { tenant_id, client_id, \
                               federated_token_file } or { managed_identity: true }, the last one with client_id if you like";
                return self.wrong(at, message);
            }
        };
        Some(Kind::azure(self.provider, azure))
    }

    /// Reads a secret that is part of a header or a form.
    fn secret(&mut self, written: &Secret, prefix: &str, at: &str) -> Option<SecretString> {
        let secret = secret(written, prefix, at.to_owned(), self.problems)?;
        self.digest.add(secret.expose_secret());
        Some(secret)
    }

    /// Reads a secret of several lines.
    fn whole_file(&mut self, written: &Secret, at: &str) -> Option<SecretString> {
        let text = match written {
            Secret::Text(text) => text.clone(),
            Secret::File(SecretFile { file }) => match std::fs::read_to_string(file) {
                Ok(text) => text,
                Err(error) => return self.wrong(at, format!("cannot read the secret from {file}: {error}")),
            },
        };
        self.digest.add(&text);
        Some(text.into())
    }

    fn query_name(&mut self, name: &str, at: &str) -> Option<String> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        if name.is_empty() || !name.bytes().all(fits) {
            return self.wrong(at, "the name of a query parameter takes a-z, A-Z, 0-9, `_`, `-` and `.`");
        }
        Some(name.to_owned())
    }

    fn wrong<T>(&mut self, at: &str, message: impl Into<String>) -> Option<T> {
        self.problems.push(Problem::at(at, message));
        None
    }
}

fn process_environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// A digest over everything that credentials are made of.
#[derive(Default)]
struct Fingerprint(Sha256);

impl Fingerprint {
    fn add(&mut self, text: &str) {
        self.0.update(text.len().to_le_bytes());
        self.0.update(text);
    }

    fn end(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}
