"""`spillover view`: the report on this machine's own address."""

import http.server
from pathlib import Path
from typing import Any

from experiments.commands import console
from experiments.exits import OK
from experiments.store import open_run
from experiments.store.layout import REPORT
from sim.errors import ConfigError

HOST = "127.0.0.1"


def main(place: Path, port: int) -> int:
    """Serve until Ctrl-C; the exit code."""
    open_run(place)
    page = place / REPORT
    if not page.is_file():
        from experiments import report

        page = report.write(place)
    try:
        with server(page, port) as serving:
            console.show(f"http://{HOST}:{serving.server_address[1]}/ shows {page}. Ctrl-C ends.")
            serving.serve_forever()
    except KeyboardInterrupt:
        pass
    return OK


def server(page: Path, port: int) -> http.server.ThreadingHTTPServer:
    """A server of one page, at any path that is empty or the page's name. Raises ConfigError if the port is taken."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.partition("?")[0] not in ("/", f"/{page.name}"):
                self.send_error(404)
                return
            content = page.read_bytes()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *words: Any) -> None:
            """Say nothing for every request."""

    try:
        return http.server.ThreadingHTTPServer((HOST, port), Handler)
    except OSError as error:
        raise ConfigError(f"--port {port}: cannot be used ({error.strerror}); try --port 0 for a free one") from None
