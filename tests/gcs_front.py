#!/usr/bin/env python3
"""Lets clients that write through Google's XML API use fake-gcs-server, which only reads in it.

`gcs_front.py PORT UPSTREAM_PORT FOLDER` listens on loopback. A plain PUT and the calls of a
multipart upload become uploads of the JSON API; `If-Match` and `x-goog-if-generation-match`, which
that server overlooks, are checked here; every other request goes through unchanged. Parts of
unfinished uploads lie in FOLDER. Only the standard library.
"""

import hashlib
import http.client
import json
import re
import shutil
import sys
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit

PORT, UPSTREAM_PORT, FOLDER = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
ACROSS = {"connection", "host", "keep-alive", "transfer-encoding"}


class Front(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_any(self):
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query, True).items()}
        place = re.fullmatch(r"/([^/]+)/(.+)", url.path)
        own = place and not url.path.startswith(("/storage/", "/upload/", "/download/"))
        upload = query.get("uploadId")
        if not own:
            return self.forward()
        if not self.matches(url.path):
            self.body()
            return self.answer(412, b"<Error><Code>PreconditionFailed</Code></Error>")
        if self.command in ("GET", "HEAD"):
            return self.forward()
        bucket, name = (unquote(part) for part in place.groups())
        if self.command == "POST" and "uploads" in query:
            return self.initiate()
        if upload is not None and not self.folder(upload).is_dir():
            return self.answer(404, b"<Error><Code>NoSuchUpload</Code></Error>")
        match self.command, upload:
            case "PUT", None:
                return self.put(bucket, name)
            case "PUT", _:
                return self.part(upload, int(query["partNumber"]))
            case "POST", str():
                return self.complete(bucket, name, upload)
            case "DELETE", str():
                shutil.rmtree(self.folder(upload))
                return self.answer(204)
            case _:
                return self.forward()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_PATCH = do_any

    def matches(self, path):
        """Whether the stored object is the one that the request's conditions name."""
        etag = self.headers.get("if-match")
        generation = self.headers.get("x-goog-if-generation-match")
        if etag is None and generation is None:
            return True
        upstream = http.client.HTTPConnection("127.0.0.1", UPSTREAM_PORT)
        upstream.request("HEAD", path, headers={"Host": f"127.0.0.1:{PORT}"})
        stored = upstream.getresponse()
        upstream.close()
        return etag in (None, "*", stored.getheader("etag")) and generation in (
            None,
            stored.getheader("x-goog-generation", "0"),
        )

    def folder(self, upload):
        return FOLDER / re.sub(r"[^0-9a-f]", "", upload)

    def body(self):
        return self.rfile.read(int(self.headers.get("content-length", 0)))

    def answer(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if status != 204:
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def initiate(self):
        self.body()
        upload = uuid.uuid4().hex
        self.folder(upload).mkdir(parents=True)
        xml = "<InitiateMultipartUploadResult><UploadId>%s</UploadId></InitiateMultipartUploadResult>"
        self.answer(200, (xml % upload).encode())

    def part(self, upload, number):
        body = self.body()
        (self.folder(upload) / f"{number:05}").write_bytes(body)
        self.answer(200, headers=[("ETag", f'"{hashlib.md5(body).hexdigest()}"')])

    def complete(self, bucket, name, upload):
        wanted = re.findall(r"<PartNumber>(\d+)</PartNumber>", self.body().decode())
        parts = [self.folder(upload) / f"{int(number):05}" for number in wanted]
        if not all(part.exists() for part in parts):
            return self.answer(400, b"<Error><Code>InvalidPart</Code></Error>")
        content = b"".join(part.read_bytes() for part in parts)
        status, etag, generation, problem = self.insert(bucket, name, content)
        if status != 200:
            return self.answer(status, problem)
        shutil.rmtree(self.folder(upload))
        xml = f"<CompleteMultipartUploadResult><ETag>{etag}</ETag></CompleteMultipartUploadResult>"
        self.answer(200, xml.encode(), [("x-goog-generation", generation)])

    def put(self, bucket, name):
        status, etag, generation, problem = self.insert(bucket, name, self.body())
        self.answer(status, problem, [("ETag", etag), ("x-goog-generation", generation)])

    def insert(self, bucket, name, content):
        """One upload of the JSON API: status, ETag, generation, and the body of a refusal."""
        path = f"/upload/storage/v1/b/{quote(bucket)}/o?uploadType=media&name={quote(name, '')}"
        kind = self.headers.get("content-type", "application/octet-stream")
        upstream = http.client.HTTPConnection("127.0.0.1", UPSTREAM_PORT)
        upstream.request("POST", path, content, {"content-type": kind})
        response = upstream.getresponse()
        body = response.read()
        upstream.close()
        if response.status != 200:
            return response.status, "", "", body
        stored = json.loads(body)
        return 200, f'"{stored["etag"].strip(chr(34))}"', str(stored["generation"]), b""

    def forward(self):
        upstream = http.client.HTTPConnection("127.0.0.1", UPSTREAM_PORT)
        headers = {key: value for key, value in self.headers.items() if key.lower() not in ACROSS}
        headers["Host"] = f"127.0.0.1:{PORT}"
        upstream.request(self.command, self.path, self.body(), headers)
        response = upstream.getresponse()
        self.send_response(response.status)
        for name, value in response.getheaders():
            if name.lower() not in ACROSS:
                self.send_header(name, value)
        length = response.getheader("content-length")
        if length is None and self.command != "HEAD":
            self.send_header("connection", "close")
            self.close_connection = True
        self.end_headers()
        if self.command != "HEAD":
            shutil.copyfileobj(response, self.wfile)
        upstream.close()

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


if __name__ == "__main__":
    Server(("127.0.0.1", PORT), Front).serve_forever()
