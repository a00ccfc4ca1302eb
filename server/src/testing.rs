//! A server for tests: routes without a socket, over a store in a temporary folder.

use std::sync::LazyLock;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use serde_json::Value as Json;
use tempfile::TempDir;
use tower::ServiceExt;
use zeroize::Zeroizing;

use crate::app::{self, App, Config};
use crate::around::Limits;
use crate::client::Client;
use crate::passwords::Passwords;
use crate::roles::Role;
use crate::store::Sqlite;
use crate::users::User;
use crate::vault::Vault;
use crate::{paths, sessions, users};

/// The users of [`Server::start`], each under the name of what they are, and their roles.
pub(crate) const USERS: [(&str, &[Role]); 4] = [
    ("admin", &[Role::Admin]),
    ("builder", &[Role::MaskBuilder]),
    (
        "librarian",
        &[Role::MaskBuilder, Role::RulesetLibraryManagers],
    ),
    ("runner", &[Role::MaskRunner]),
];

/// The password of all of them.
pub(crate) const PASSWORD: &str = "quiet-plum-7319";

/// The hash of [`PASSWORD`], made once.
static HASH: LazyLock<String> = LazyLock::new(|| {
    let password = Zeroizing::new(PASSWORD.to_owned());
    // This may be first asked for within a runtime, and hashing needs one of its own.
    let hashing = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(Passwords::new().hash(password))
    });
    hashing.join().unwrap().unwrap()
});

/// A server whose users are [`USERS`].
pub(crate) struct Server {
    pub(crate) app: App,
    router: Router,
    tokens: Vec<(&'static str, String)>,
    _folder: TempDir,
}

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Server {
    /// A server with nobody in it.
    pub(crate) async fn empty() -> Self {
        Self::limited(Limits::default()).await
    }

    /// The same with limits of its own.
    pub(crate) async fn limited(limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::open(&folder.path().join("visard.sqlite")).await;
        let config = Config {
            data: folder.path().to_owned(),
            roots: vec![folder.path().to_owned()],
        };
        let vault = Vault::new(Zeroizing::new(vec![7; 32]));
        let app = App::new(Box::new(store.unwrap()), vault, config, limits);
        let router = app::routes(&app);
        Self {
            app,
            router,
            tokens: Vec::new(),
            _folder: folder,
        }
    }

    /// A server with an admin and a user of each role, all logged in.
    pub(crate) async fn start() -> Self {
        let mut server = Self::empty().await;
        for (name, roles) in USERS {
            let user = server.add(name, roles).await;
            let token = server.log_in(&user).await;
            server.tokens.push((name, token));
        }
        server
    }

    /// Adds a user with [`PASSWORD`].
    pub(crate) async fn add(&self, name: &str, roles: &[Role]) -> User {
        let mut user = User {
            id: 0,
            username: name.to_owned(),
            email: format!("{name}@example.com"),
            password: HASH.clone(),
            has_temporary_password: false,
            is_active: true,
            roles: roles.to_vec(),
            date_joined: String::new(),
            is_subscribed_to_sdd_updates: false,
            api_token_number: 0,
            git_directory_path: None,
        };
        let mut transaction = self.app.store().begin().await.unwrap();
        let added = users::insert(transaction.as_mut(), &mut user).await;
        added.unwrap();
        let granted = sessions::grant_api_token(transaction.as_mut(), self.app.vault(), &user);
        granted.await.unwrap();
        transaction.commit().await.unwrap();
        user
    }

    /// A token of a login.
    pub(crate) async fn log_in(&self, user: &User) -> String {
        let client = Client {
            address: [127, 0, 0, 1].into(),
            user_agent: None,
            host: None,
        };
        let mut transaction = self.app.store().begin().await.unwrap();
        let opened = sessions::open(transaction.as_mut(), user, &client).await;
        transaction.commit().await.unwrap();
        opened.unwrap().1.to_string()
    }

    /// An access token of a login to in-flight masking.
    pub(crate) async fn log_in_in_flight(&self, user: &User) -> String {
        let client = Client {
            address: [127, 0, 0, 1].into(),
            user_agent: None,
            host: None,
        };
        let mut transaction = self.app.store().begin().await.unwrap();
        let vault = self.app.vault();
        let opened = sessions::open_in_flight(transaction.as_mut(), vault, user, &client).await;
        transaction.commit().await.unwrap();
        opened.unwrap().0.to_string()
    }

    /// What a user of [`USERS`] gets as an answer; `caller` may be a token as well, or empty for nobody.
    pub(crate) async fn ask(
        &self,
        caller: &str,
        method: Method,
        path: &str,
        body: Option<Json>,
    ) -> Answer {
        let request = Request::builder().method(method).uri(path);
        let request = match body {
            None => request.body(Body::empty()),
            Some(body) => request
                .header(header::CONTENT_TYPE, "application/json")
                .body(Body::from(body.to_string())),
        };
        self.send(caller, request.unwrap()).await
    }

    /// The same of any request.
    pub(crate) async fn send(&self, caller: &str, mut request: Request<Body>) -> Answer {
        let known = self.tokens.iter().find(|(name, _)| *name == caller);
        let token = known.map_or(caller, |(_, token)| token.as_str());
        if !token.is_empty() {
            let value = format!("Token {token}").parse().unwrap();
            request.headers_mut().insert(header::AUTHORIZATION, value);
        }
        let request = paths::normalize(request, false);
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Answer {
            status: parts.status,
            headers: parts.headers,
            bytes: to_bytes(body, usize::MAX).await.unwrap().to_vec(),
        }
    }

    /// What `GET` answers.
    pub(crate) async fn get(&self, caller: &str, path: &str) -> Answer {
        self.ask(caller, Method::GET, path, None).await
    }

    /// What `POST` of JSON answers.
    pub(crate) async fn post(&self, caller: &str, path: &str, body: Json) -> Answer {
        self.ask(caller, Method::POST, path, Some(body)).await
    }

    /// What `PATCH` of JSON answers.
    pub(crate) async fn patch(&self, caller: &str, path: &str, body: Json) -> Answer {
        self.ask(caller, Method::PATCH, path, Some(body)).await
    }

    /// What `DELETE` answers.
    pub(crate) async fn delete(&self, caller: &str, path: &str) -> Answer {
        self.ask(caller, Method::DELETE, path, None).await
    }
}

impl Answer {
    /// The body as JSON, under the status that is expected.
    pub(crate) fn json(&self, status: u16) -> Json {
        let text = String::from_utf8_lossy(&self.bytes);
        assert_eq!(self.status.as_u16(), status, "{text}");
        let is_json = self.headers[header::CONTENT_TYPE] == "application/json";
        assert!(is_json, "{:?}", self.headers);
        serde_json::from_slice(&self.bytes).unwrap()
    }

    /// That the status is the one expected, without a body.
    pub(crate) fn empty(&self, status: u16) {
        let text = String::from_utf8_lossy(&self.bytes);
        assert_eq!((self.status.as_u16(), text.as_ref()), (status, ""));
    }
}
