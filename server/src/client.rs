//! The program at the other end: its address and what it calls itself.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::header;
use axum::http::request::Parts;

use crate::hosts;

/// Longest name of a program that is kept, in characters.
const MAX_USER_AGENT: usize = 200;

/// Who sent a request, as far as the network tells.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) address: IpAddr,
    pub(crate) user_agent: Option<String>,
    /// The name or address under which they asked.
    pub(crate) host: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let agent = parts.headers.get(header::USER_AGENT);
        let agent = agent.and_then(|value| value.to_str().ok());
        Ok(Self {
            // An address of IPv4 that comes in by IPv6 is the same one.
            address: peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| {
                peer.0.ip().to_canonical()
            }),
            user_agent: agent.map(|text| text.chars().take(MAX_USER_AGENT).collect()),
            host: hosts::host(&parts.uri, &parts.headers),
        })
    }
}
