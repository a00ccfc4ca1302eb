//! Azure Blob Storage.

use std::collections::HashMap;

use async_trait::async_trait;
use object_store::azure::{
    AzureAuthorizer, AzureConfigKey, AzureCredentialProvider, MicrosoftAzureBuilder,
};
use object_store::client::{
    HttpClient, HttpConnector, HttpRequest, HttpRequestBody, HttpResponse, ReqwestConnector,
};
use url::Url;

use super::answer::{explain, explain_status};
use super::config::AzureBlobConfig;
use super::error::{Label, StoreError, StoreErrorKind};
use super::exposure::Finding;
use super::place::Manner;
use super::remote::{Bucket, Dialect, base_of};

/// The storage emulator's account and key, the same on every machine and documented by Microsoft.
const EMULATOR_ACCOUNT: &str = "devstoreaccount1";
const EMULATOR_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
const EMULATOR_HOST: &str = "http://127.0.0.1:10000";

/// What is needed to ask for things `object_store` does not ask for.
#[derive(Debug, Clone)]
struct Account {
    name: String,
    container: Url,
    credentials: AzureCredentialProvider,
    client: HttpClient,
}

#[async_trait]
impl Dialect for Account {
    /// Blocks that are never committed go away after a week.
    fn has_upload_ids(&self) -> bool {
        false
    }

    /// `object_store` deletes by a batch, which needs more rights.
    async fn delete(&self, bucket: &Bucket, path: &str) -> Result<(), StoreError> {
        let mut url = self.container.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend(bucket.key(path)?.parts());
        }
        match self.send("DELETE", &url).await {
            Ok(_) | Err((StoreErrorKind::NotFound, _)) => Ok(()),
            Err((kind, problem)) => Err(bucket.label.error(kind, path, problem)),
        }
    }

    /// Get Container Properties, which a shared key and an account's SAS may ask for.
    async fn stated(&self) -> Finding {
        let mut url = self.container.clone();
        url.set_query(Some("restype=container"));
        match self.send("GET", &url).await {
            Ok(answer) => match answer.headers().get("x-ms-blob-public-access") {
                Some(level) => {
                    let level = level.to_str().unwrap_or("unknown");
                    Finding::Open(format!("the container's access level is `{level}`"))
                }
                None => Finding::Closed,
            },
            Err((_, problem)) => Finding::Silent(problem),
        }
    }
}

impl Account {
    async fn send(
        &self,
        method: &str,
        url: &Url,
    ) -> Result<HttpResponse, (StoreErrorKind, String)> {
        let other = |problem: &str| (StoreErrorKind::Other, problem.to_owned());
        let credential = self.credentials.get_credential().await;
        let credential = credential.map_err(|error| explain(&error))?;
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        *request.method_mut() = method.parse().map_err(|_| other("no method"))?;
        *request.uri_mut() = url.as_str().parse().map_err(|_| other("no URL"))?;
        AzureAuthorizer::new(&credential, &self.name).authorize(&mut request);
        let answer = self.client.execute(request).await.map_err(|error| {
            (
                StoreErrorKind::Unreachable,
                format!("the server cannot be reached: {error}"),
            )
        })?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status();
        let body = answer.into_body().bytes().await.unwrap_or_default();
        Err(explain_status(status, &String::from_utf8_lossy(&body)))
    }
}

pub(super) fn describe(config: &AzureBlobConfig) -> String {
    let account = Parts::parse(config)
        .map(|parts| parts.account)
        .unwrap_or_default();
    let base = config.base_directory.trim_matches('/');
    let place = format!("azure://{account}/{}/{base}", config.container);
    place.trim_end_matches('/').to_owned()
}

pub(super) fn connect(
    config: &AzureBlobConfig,
    label: Label,
    manner: Manner,
) -> Result<Bucket, StoreError> {
    let invalid = |problem: &str| label.error(StoreErrorKind::Invalid, "", problem);
    let base = base_of(&label, &config.base_directory)?;
    let parts = Parts::parse(config).map_err(invalid)?;
    let mut container =
        Url::parse(&parts.endpoint).map_err(|_| invalid("`BlobEndpoint` is not a URL"))?;
    // Whoever writes an endpoint or protocol of plain HTTP into the connection string means it.
    let options = manner.client_options(container.scheme() == "http");
    let mut builder = MicrosoftAzureBuilder::new()
        .with_account(&parts.account)
        .with_container_name(&config.container)
        .with_endpoint(parts.endpoint.clone())
        .with_client_options(options.clone())
        .with_retry(manner.retries())
        .with_skip_signature(manner.anonymous);
    builder = match &parts.credential {
        Credential::Key(key) => builder.with_access_key(key),
        Credential::Signature(sas) => builder.with_config(AzureConfigKey::SasKey, sas),
    };
    let store = builder.build().map_err(|error| label.remote("", &error))?;
    container
        .path_segments_mut()
        .map_err(|()| invalid("`BlobEndpoint` is not a URL of a server"))?
        .pop_if_empty()
        .push(&config.container);
    let server = container.to_string();
    let account = Account {
        name: parts.account,
        container,
        credentials: store.credentials().clone(),
        client: ReqwestConnector::default()
            .connect(&options)
            .map_err(|error| label.remote("", &error))?,
    };
    Ok(Bucket::new(store, account, server, base, label))
}

/// What a connection string says.
struct Parts {
    account: String,
    endpoint: String,
    credential: Credential,
}

enum Credential {
    Key(String),
    Signature(String),
}

impl Parts {
    fn parse(config: &AzureBlobConfig) -> Result<Self, &'static str> {
        let mut fields = HashMap::new();
        for field in config.connection_string.expose().split(';') {
            let field = field.trim();
            if field.is_empty() {
                continue;
            }
            let (name, value) = field
                .split_once('=')
                .ok_or("the connection string has a field without `=`")?;
            fields.insert(name.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
        let mut take = |name: &str| fields.remove(name).filter(|value| !value.is_empty());

        let development = take("usedevelopmentstorage").is_some_and(|value| value == "true");
        let emulator = development || config.emulator;
        let account = take("accountname").or_else(|| emulator.then(|| EMULATOR_ACCOUNT.to_owned()));
        let endpoint = match take("blobendpoint") {
            Some(endpoint) => endpoint.trim_end_matches('/').to_owned(),
            None => {
                let account = account
                    .as_deref()
                    .ok_or("the connection string has no AccountName")?;
                if emulator {
                    let host = take("developmentstorageproxyuri");
                    let host = host.map(|host| format!("{}:10000", host.trim_end_matches('/')));
                    format!("{}/{account}", host.as_deref().unwrap_or(EMULATOR_HOST))
                } else {
                    let scheme = take("defaultendpointsprotocol").unwrap_or_else(|| "https".into());
                    let suffix = take("endpointsuffix");
                    let suffix = suffix.as_deref().unwrap_or("core.windows.net");
                    format!("{scheme}://{account}.blob.{suffix}")
                }
            }
        };
        // A string with a SAS may name the account in the host only.
        let account = account
            .or_else(|| {
                let host = Url::parse(&endpoint).ok()?.host_str()?.to_owned();
                Some(host.split('.').next()?.to_owned())
            })
            .ok_or("the connection string has no AccountName")?;
        let credential = match (take("accountkey"), take("sharedaccesssignature")) {
            (Some(key), _) => Credential::Key(key),
            (None, Some(sas)) => Credential::Signature(sas.trim_start_matches('?').to_owned()),
            (None, None) if emulator => Credential::Key(EMULATOR_KEY.to_owned()),
            (None, None) => {
                return Err(
                    "the connection string has neither AccountKey nor SharedAccessSignature",
                );
            }
        };
        Ok(Self {
            account,
            endpoint,
            credential,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connection_strings() {
        for (text, emulator, found) in [
            (
                "DefaultEndpointsProtocol=https;AccountName=crm;AccountKey=a2V5==;\
                 EndpointSuffix=core.windows.net",
                false,
                Ok("crm https://crm.blob.core.windows.net key a2V5=="),
            ),
            (
                "BlobEndpoint=https://crm.blob.core.windows.net/;SharedAccessSignature=?sv=1&sig=x%3D",
                false,
                Ok("crm https://crm.blob.core.windows.net sas sv=1&sig=x%3D"),
            ),
            (
                "AccountName=crm;AccountKey=a",
                true,
                Ok("crm http://127.0.0.1:10000/crm key a"),
            ),
            (
                "AccountName=crm;AccountKey=a;BlobEndpoint=http://127.0.0.1:11111/crm",
                false,
                Ok("crm http://127.0.0.1:11111/crm key a"),
            ),
            (
                "UseDevelopmentStorage=true;DevelopmentStorageProxyUri=http://az;AccountKey=a",
                false,
                Ok("devstoreaccount1 http://az:10000/devstoreaccount1 key a"),
            ),
            ("AccountName=crm", false, Err("neither AccountKey")),
            ("AccountKey=a", false, Err("no AccountName")),
            ("crm", false, Err("without `=`")),
        ] {
            let config = AzureBlobConfig {
                connection_string: text.into(),
                emulator,
                ..AzureBlobConfig::default()
            };
            let shown = Parts::parse(&config).map(|parts| {
                let (kind, secret) = match parts.credential {
                    Credential::Key(key) => ("key", key),
                    Credential::Signature(sas) => ("sas", sas),
                };
                format!("{} {} {kind} {secret}", parts.account, parts.endpoint)
            });
            match found {
                Ok(found) => assert_eq!(shown.as_deref(), Ok(found), "{text}"),
                Err(problem) => assert!(shown.is_err_and(|e| e.contains(problem)), "{text}"),
            }
        }
    }

    #[test]
    fn development_storage() {
        let config = AzureBlobConfig {
            emulator: true,
            ..AzureBlobConfig::default()
        };
        let parts = Parts::parse(&config).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(parts.endpoint, "http://127.0.0.1:10000/devstoreaccount1");
        assert!(matches!(parts.credential, Credential::Key(key) if key == EMULATOR_KEY));
    }
}
