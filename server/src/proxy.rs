//! A proxy in front of the server: who it says is asking.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request};

/// Takes the address that the nearest proxy saw for that of the client: the last one of `X-Forwarded-For`. Those
/// before it are the client's own words.
pub(crate) fn restore(request: &mut Request) {
    let last = request
        .headers()
        .get_all("x-forwarded-for")
        .iter()
        .next_back();
    let last = last.and_then(|value| value.to_str().ok());
    let last = last.and_then(|text| text.rsplit(',').next());
    if let Some(address) = last.and_then(|text| text.trim().parse::<IpAddr>().ok()) {
        let address = SocketAddr::new(address, 0);
        request.extensions_mut().insert(ConnectInfo(address));
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn the_last_address_is_the_proxys_word() {
        for (header, address) in [
            ("192.0.2.7", Some("192.0.2.7")),
            ("10.0.0.1, 192.0.2.7", Some("192.0.2.7")),
            ("2001:db8::1", Some("2001:db8::1")),
            ("unknown", None),
            ("", None),
        ] {
            let request = Request::builder().header("x-forwarded-for", header);
            let mut request = request.body(Body::empty()).unwrap();
            restore(&mut request);
            let found = request.extensions().get::<ConnectInfo<SocketAddr>>();
            let found = found.map(|found| found.0.ip().to_string());
            assert_eq!(found.as_deref(), address, "{header}");
        }
    }
}
