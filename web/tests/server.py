"""Serves the page, the tests and their models, as a static server and as a hub: ranges, ETags, downloads that break off, a file that is
damaged. What was asked for is counted."""
import hashlib, http.server, json, pathlib, re, threading, urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "target/web/page"
TYPES = {".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css",
         ".wasm": "application/wasm", ".json": "application/json", ".svg": "image/svg+xml", ".webmanifest": "application/manifest+json"}
COMMIT = "5" * 40
# What lies where.
PLACES = [("/golden/", ROOT / "tests/golden"), ("/expected/", ROOT / "models/sentiment"), ("/tests/", ROOT / "web/tests"),
          ("/peers/", ROOT / "target/web/peers"), ("/bench/", ROOT / "benches/web"), ("/", PAGE)]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", kind="application/octet-stream", **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.results.append(json.loads(body))
        self.server.arrived.set()
        self.answer(204)

    def do_GET(self):
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        self.server.asked.append((self.command, path, self.headers.get("Range")))
        if path == "/asked":
            body = json.dumps(self.server.asked).encode()
            self.server.asked.clear()
            return self.answer(200, body, "application/json")
        # A hub: /hub and /damaged-hub, whose list of hashes is wrong.
        hub = re.match(r"/(damaged-)?hub/(.*)", path)
        if hub:
            return self.hub(bool(hub[1]), hub[2])
        broken = path.startswith("/broken/")
        for prefix, folder in PLACES:
            if path.removeprefix("/broken").startswith(prefix):
                file = folder / (path.removeprefix("/broken").removeprefix(prefix) or "index.html")
                return self.file(file, breaks=broken)

    do_HEAD = do_GET

    def hub(self, damaged, path):
        listing = re.fullmatch(r"api/models/tests/(\w+)/revision/main", path)
        if listing and (ROOT / "tests/golden" / listing[1]).is_dir():
            def sibling(file):
                body = file.read_bytes()
                digest = hashlib.sha256(b"" if damaged else body).hexdigest()
                return {"rfilename": file.name, "size": len(body), "lfs": {"size": len(body), "sha256": digest}}
            files = [file for file in sorted((ROOT / "tests/golden" / listing[1]).iterdir()) if file.is_file()]
            return self.answer(200, json.dumps({"sha": COMMIT, "siblings": list(map(sibling, files))}).encode(), "application/json")
        resolved = re.fullmatch(rf"tests/(\w+)/resolve/{COMMIT}/([\w.]+)", path)
        if resolved:
            return self.file(ROOT / "tests/golden" / resolved[1] / resolved[2])
        self.answer(404)

    def file(self, file, breaks=False):
        if not file.is_file():
            return self.answer(404)
        body, kind = file.read_bytes(), TYPES.get(file.suffix, "application/octet-stream")
        headers = {"ETag": f'"{hashlib.sha256(body).hexdigest()[:16]}"', "Accept_Ranges": "bytes", "Cache_Control": "no-cache",
                   "Access_Control_Allow_Origin": "*"}
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        if not wanted:
            return self.answer(200, body, kind, **headers)
        start, end = int(wanted[1]), min(int(wanted[2] or len(body) - 1), len(body) - 1)
        if start >= len(body):
            return self.answer(416, b"", kind, Content_Range=f"bytes */{len(body)}")
        part = body[start:end + 1]
        headers["Content_Range"] = f"bytes {start}-{end}/{len(body)}"
        # The first time of each range the connection ends in the middle.
        if breaks and len(part) > 1000 and (file, start) not in self.server.broken:
            self.server.broken.add((file, start))
            self.send_response(206)
            for name, value in {**headers, "Content-Length": str(len(part))}.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(part[:len(part) // 2])
            self.wfile.flush()
            self.close_connection = True
            return self.connection.shutdown(2)
        self.answer(206, part, kind, **headers)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked, self.broken, self.results, self.arrived = [], set(), [], threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def origin(self):
        return f"http://localhost:{self.server_address[1]}"

    def handle_error(self, *_):
        # A browser that ends closes its connections.
        pass

    def stop(self):
        self.shutdown()
        self.server_close()
