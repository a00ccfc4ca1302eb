//! Amazon's own clients: region, credentials, errors.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use object_store::CredentialProvider;
use object_store::aws::{AwsCredential, resolve_bucket_region};
use tokio::sync::Mutex;

use super::answer::{NoCredentials, with_causes};
use super::config::S3Config;
use super::error::{Label, StoreError, StoreErrorKind};
use super::place::Manner;

/// Where the bucket lies: as configured, as Amazon says, as the environment says.
pub(super) async fn region(config: &S3Config, manner: Manner) -> String {
    if let Some(region) = &config.region {
        return region.clone();
    }
    if config.endpoint.is_none() {
        let options = manner.client_options(false);
        if let Ok(region) = resolve_bucket_region(&config.bucket, &options).await {
            return region;
        }
    }
    let from_environment = ["AWS_REGION", "AWS_DEFAULT_REGION"];
    let mut regions = from_environment
        .into_iter()
        .filter_map(|name| std::env::var(name).ok());
    regions.next().unwrap_or_else(|| "us-east-1".to_owned())
}

/// Region, HTTP client and credentials for Amazon's clients.
pub(super) async fn sdk_config(
    config: &S3Config,
    label: &Label,
    region: &str,
    manner: Manner,
) -> Result<SdkConfig, StoreError> {
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .region(Region::new(region.to_owned()));
    if manner.anonymous {
        return Ok(loader.no_credentials().load().await);
    }
    match (&config.access_key_id, &config.secret_access_key) {
        (Some(id), Some(secret)) => {
            let token = config
                .session_token
                .as_ref()
                .map(|token| token.expose().to_owned());
            let given = Credentials::new(id, secret.expose(), token, None, "connection");
            loader = loader.credentials_provider(given);
        }
        (None, None) => {}
        _ => {
            let problem = "`access_key_id` and `secret_access_key` go together";
            return Err(label.error(StoreErrorKind::Invalid, "", problem));
        }
    }
    let sdk = loader.load().await;
    let Some(role) = &config.iam_role_arn else {
        return Ok(sdk);
    };
    let role = AssumeRoleProvider::builder(role)
        .session_name("visard")
        .configure(&sdk);
    let role = SharedCredentialsProvider::new(role.build().await);
    Ok(sdk.into_builder().credentials_provider(role).build())
}

/// Amazon's credential chain as `object_store` asks for it, renewed before it expires.
pub(super) struct ChainCredentials {
    chain: SharedCredentialsProvider,
    held: Mutex<Option<Held>>,
}

struct Held {
    credential: Arc<AwsCredential>,
    expiry: Option<SystemTime>,
}

impl Held {
    fn lives_for(&self, time: Duration) -> bool {
        self.expiry
            .is_none_or(|expiry| SystemTime::now() + time < expiry)
    }
}

impl ChainCredentials {
    /// A request and its retries, at most three minutes, live on the credentials they began with.
    const RENEW_BEFORE: Duration = Duration::from_secs(5 * 60);

    pub(super) fn new(chain: SharedCredentialsProvider) -> Self {
        Self {
            chain,
            held: Mutex::new(None),
        }
    }
}

impl fmt::Debug for ChainCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChainCredentials")
    }
}

#[async_trait]
impl CredentialProvider for ChainCredentials {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let mut held = self.held.lock().await;
        if let Some(held) = held
            .as_ref()
            .filter(|held| held.lives_for(Self::RENEW_BEFORE))
        {
            return Ok(Arc::clone(&held.credential));
        }
        match self.chain.provide_credentials().await {
            Ok(fresh) => {
                let credential = Arc::new(AwsCredential {
                    key_id: fresh.access_key_id().to_owned(),
                    secret_key: fresh.secret_access_key().to_owned(),
                    token: fresh.session_token().map(str::to_owned),
                });
                let expiry = fresh.expiry();
                *held = Some(Held {
                    credential: Arc::clone(&credential),
                    expiry,
                });
                Ok(credential)
            }
            Err(error) => match held.as_ref().filter(|held| held.lives_for(Duration::ZERO)) {
                Some(held) => Ok(Arc::clone(&held.credential)),
                None => Err(object_store::Error::Generic {
                    store: "S3",
                    source: Box::new(NoCredentials(with_causes(&error))),
                }),
            },
        }
    }
}

/// What a server answered; not every one gives a code and a message.
fn in_words(status: u16, code: &str, message: &str) -> String {
    let mut words = status.to_string();
    if !code.is_empty() {
        words += &format!(", `{code}`");
    }
    if !message.is_empty() {
        words += &format!(", {message}");
    }
    words
}

/// An error of Amazon's client as ours.
pub(super) fn failure<E>(label: &Label, path: &str, error: &SdkError<E>) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let (kind, problem) = match error {
        SdkError::ServiceError(answer) => {
            let status = answer.raw().status().as_u16();
            let code = answer.err().code().unwrap_or_default();
            let message = answer.err().message().unwrap_or_default();
            let kind = match (code, status) {
                ("PermanentRedirect" | "AuthorizationHeaderMalformed", _) => {
                    StoreErrorKind::Invalid
                }
                ("ExpiredToken", _) | (_, 401 | 403) => StoreErrorKind::Denied,
                (_, 404) => StoreErrorKind::NotFound,
                (_, 408 | 429 | 500..) => StoreErrorKind::Unreachable,
                _ => StoreErrorKind::Other,
            };
            (kind, in_words(status, code, message))
        }
        SdkError::TimeoutError(_) => (
            StoreErrorKind::Unreachable,
            "the server did not answer in time".to_owned(),
        ),
        other => {
            let text = with_causes(other);
            match text.contains("credentials") {
                true => (StoreErrorKind::Denied, format!("no credentials: {text}")),
                false => {
                    let problem = format!("the server cannot be reached: {text}");
                    (StoreErrorKind::Unreachable, problem)
                }
            }
        }
    };
    label.error(kind, path, problem)
}

#[cfg(test)]
mod tests {
    use super::in_words;

    #[test]
    fn what_is_missing_leaves_no_gap() {
        for (code, message, words) in [
            (
                "NoSuchBucket",
                "no such bucket",
                "404, `NoSuchBucket`, no such bucket",
            ),
            ("NoSuchBucket", "", "404, `NoSuchBucket`"),
            ("", "", "404"),
        ] {
            assert_eq!(in_words(404, code, message), words);
        }
    }
}
