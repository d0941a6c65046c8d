"""`python -m bench.sink --port P`: an InfluxDB that counts the lines it is given and forgets them. GET tells the count."""

from __future__ import annotations

import argparse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from bench.programs import LOOPBACK


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    lines = 0

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        _Handler.lines += body.count(b"\n")
        self.send_response(204)
        self.end_headers()

    def do_GET(self) -> None:
        body = str(_Handler.lines).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def main() -> None:
    """Serves until it is ended."""
    parser = argparse.ArgumentParser(description="An InfluxDB that forgets.")
    parser.add_argument("--port", type=int, required=True)
    ThreadingHTTPServer((LOOPBACK, parser.parse_args().port), _Handler).serve_forever()


if __name__ == "__main__":
    main()
