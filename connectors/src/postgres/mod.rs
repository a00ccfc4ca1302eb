//! PostgreSQL: tables read and written by binary `COPY`.

