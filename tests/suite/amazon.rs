//! What only Amazon's own interfaces say: who may read a bucket, and who takes a role. moto answers,
//! behind a proxy that turns strangers away: moto lets anyone list a bucket, which Amazon does not.

use std::io::{Read, Write};
use std::net::TcpStream;

use visard_tests::proxy::Proxy;

use crate::visard::{Ended, Visard};

/// moto behind the proxy, and a bucket of its own with one object.
struct Amazon {
    proxy: Proxy,
    moto: String,
    bucket: &'static str,
    visard: Visard,
}

impl Amazon {
    /// `None` where the server is not there; `tests/run` starts it.
    fn with(bucket: &'static str) -> Option<Self> {
        let Ok(endpoint) = std::env::var("VISARD_TEST_MOTO_ENDPOINT") else {
            let under_run = std::env::var_os("VISARD_TEST_SERVERS").is_some();
            assert!(!under_run, "moto is not there");
            println!("left out: {bucket}; tests/run starts its server");
            return None;
        };
        let moto = endpoint.trim_start_matches("http://").to_owned();
        let proxy = Proxy::start(&moto).unwrap();
        *proxy.faults.only.lock().unwrap() = Some("Credential=");
        let amazon = Self {
            proxy,
            moto,
            bucket,
            visard: Visard::new(),
        };
        amazon.put("", &[], "");
        amazon.put("/a.csv", &[], "id,email\n1,a@unmasked.example\n");
        Some(amazon)
    }

    /// A PUT at moto, below the bucket.
    fn put(&self, below: &str, headers: &[&str], body: &str) {
        let mut request = format!(
            "PUT /{}{below} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n\
             Content-Type: application/octet-stream\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, \
             SignedHeaders=host, Signature=0\r\n",
            self.bucket,
            self.moto,
            body.len()
        );
        for header in headers {
            request += &format!("{header}\r\n");
        }
        request += &format!("\r\n{body}");
        let mut moto = TcpStream::connect(&self.moto).unwrap();
        moto.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        moto.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 2"), "{answer}");
    }

    /// A run from the bucket into a folder, with `more` in the connection and these options.
    fn run(&self, more: &str, options: &str, environment: &[(&str, &str)]) -> Ended {
        self.visard
            .pipeline(options, "- column: email\n  masks: [{type: hash}]");
        let yaml = String::from_utf8(self.visard.read("pipeline.yml")).unwrap();
        let place = format!(
            "{{type: s3_connection, bucket: {}, endpoint: '{}', region: us-east-1, allow_http: true{more}}}",
            self.bucket,
            self.proxy.endpoint()
        );
        let yaml = yaml.replace(
            "{type: mounted_share_connection, base_directory: in}",
            &place,
        );
        self.visard.write("pipeline.yml", yaml);
        for folder in ["run", "out"] {
            std::fs::remove_dir_all(self.visard.path(folder)).unwrap_or_default();
        }
        std::fs::create_dir(self.visard.path("out")).unwrap();
        let mut command = self.visard.run_command(&[]);
        command.envs(environment.iter().copied());
        Ended::of(command.output().unwrap())
    }

    fn run_with_key(&self, options: &str) -> Ended {
        let key = ", access_key_id: testing, secret_access_key: testing";
        self.run(key, options, &[])
    }
}

const BLOCK: &str = "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls>\
    <IgnorePublicAcls>true</IgnorePublicAcls><BlockPublicPolicy>true</BlockPublicPolicy>\
    <RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>";

#[test]
fn a_private_bucket_is_read() {
    let Some(amazon) = Amazon::with("visard-private") else {
        return;
    };
    amazon.run_with_key("").expect(0);
    assert_eq!(amazon.visard.files("out"), ["a.csv"]);
}

#[test]
fn a_bucket_with_a_public_access_list_is_refused() {
    let Some(amazon) = Amazon::with("visard-acl") else {
        return;
    };
    amazon.put("?acl", &["x-amz-acl: public-read"], "");
    let refused = amazon.run_with_key("").expect(2);
    assert!(refused.stderr.contains("`AllUsers`"), "{}", refused.stderr);
    assert!(amazon.visard.files("out").is_empty());
    amazon.run_with_key("allow_public: true").expect(0);
    // What is blocked does not count.
    amazon.put("?publicAccessBlock", &[], BLOCK);
    amazon.run_with_key("").expect(0);
}

#[test]
fn a_bucket_with_a_public_policy_is_refused() {
    let Some(amazon) = Amazon::with("visard-policy") else {
        return;
    };
    let policy = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*",
        "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": ["arn:aws:s3:::visard-policy", "arn:aws:s3:::visard-policy/*"]}]}"#;
    amazon.put("?policy", &[], policy);
    let refused = amazon.run_with_key("").expect(2);
    assert!(
        refused.stderr.contains("policy is public"),
        "{}",
        refused.stderr
    );
    amazon.run_with_key("allow_public: true").expect(0);
}

#[test]
fn a_role_is_taken() {
    let Some(amazon) = Amazon::with("visard-role") else {
        return;
    };
    // Only the role's own credentials get through.
    *amazon.proxy.faults.only.lock().unwrap() = Some("Credential=ASIA");
    let sts = format!("http://{}", amazon.moto);
    let environment = [
        ("AWS_ACCESS_KEY_ID", "testing"),
        ("AWS_SECRET_ACCESS_KEY", "testing"),
        ("AWS_ENDPOINT_URL_STS", sts.as_str()),
    ];
    let role = ", iam_role_arn: 'arn:aws:iam::123456789012:role/reader'";
    amazon.run(role, "", &environment).expect(0);
    assert_eq!(amazon.visard.files("out"), ["a.csv"]);
    let denied = amazon.run("", "", &environment);
    assert_eq!(denied.code, Some(2), "{}", denied.stderr);
}
