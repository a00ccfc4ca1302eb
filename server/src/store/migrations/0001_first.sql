CREATE TABLE counters (name TEXT PRIMARY KEY, value BIGINT NOT NULL);

CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);

CREATE TABLE users (
    id BIGINT PRIMARY KEY,
    username TEXT NOT NULL UNIQUE,
    email TEXT NOT NULL,
    password TEXT NOT NULL,
    has_temporary_password BIGINT NOT NULL,
    is_active BIGINT NOT NULL,
    roles TEXT NOT NULL,
    date_joined TEXT NOT NULL,
    is_subscribed_to_sdd_updates BIGINT NOT NULL,
    api_token_number BIGINT NOT NULL,
    git_directory_path TEXT
);

CREATE TABLE sessions (
    id BIGINT PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    token_hash BYTEA NOT NULL UNIQUE,
    created TEXT NOT NULL,
    expires TEXT,
    client_ip TEXT,
    user_agent TEXT
);

CREATE INDEX sessions_of_user ON sessions (user_id);

CREATE TABLE documents (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    variant TEXT NOT NULL,
    body TEXT NOT NULL,
    sealed BYTEA,
    content BYTEA,
    archived BIGINT NOT NULL,
    created TEXT NOT NULL,
    modified TEXT NOT NULL,
    PRIMARY KEY (kind, id)
);

CREATE UNIQUE INDEX documents_by_name ON documents (kind, variant, name) WHERE archived = 0;

CREATE TABLE runs (
    id BIGINT PRIMARY KEY,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    mask_type TEXT NOT NULL,
    source TEXT NOT NULL,
    source_name TEXT NOT NULL,
    destination TEXT,
    destination_name TEXT,
    ruleset TEXT,
    ruleset_name TEXT NOT NULL,
    created TEXT NOT NULL,
    started TEXT,
    ended TEXT,
    user_id BIGINT NOT NULL,
    options TEXT NOT NULL,
    is_dry_run BIGINT NOT NULL,
    sealed BYTEA,
    target TEXT NOT NULL,
    node TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    error_message TEXT,
    has_sdd_report BIGINT NOT NULL
);

CREATE INDEX runs_by_status ON runs (status, id);

CREATE INDEX runs_by_ruleset_name ON runs (ruleset_name, id);

CREATE TABLE nodes (id TEXT PRIMARY KEY, heartbeat TEXT NOT NULL);

CREATE TABLE run_log (
    run_id BIGINT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    line BIGINT NOT NULL,
    timestamp TEXT NOT NULL,
    log_level BIGINT NOT NULL,
    worker_id TEXT NOT NULL,
    run_status TEXT NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (run_id, line)
);

CREATE TABLE run_results (
    run_id BIGINT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    line BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (run_id, kind, line)
);

CREATE TABLE generations (
    connection_id TEXT PRIMARY KEY,
    id BIGINT NOT NULL,
    status TEXT NOT NULL,
    generated_ruleset TEXT,
    error_message TEXT,
    archive BYTEA
);

CREATE TABLE audit_log (
    id BIGINT PRIMARY KEY,
    timestamp TEXT NOT NULL,
    username TEXT NOT NULL,
    category TEXT NOT NULL,
    action TEXT NOT NULL,
    description TEXT NOT NULL,
    hash BYTEA NOT NULL
)
