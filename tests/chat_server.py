"""A server on this machine that speaks as much of the chat-completions protocol as a test needs."""

import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class ChatServer:
    """Plays `script`, one reply a request and the last again and again, and notes what was asked.

    A reply is a function of the handler and the request's body. Without a script it quotes the
    first year of the first passage that has one.
    """

    def __init__(self):
        self.script = []
        self.requests = []
        self.models = [{"id": "tiny-chat"}, {"id": "other"}]
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.address = f"http://127.0.0.1:{self.port}/v1"

    @property
    def asked(self):
        """The bodies of the questions so far."""
        return [body for path, _, body in self.requests if path.endswith("/chat/completions")]

    def next(self):
        with self._lock:
            return self.script.pop(0) if len(self.script) > 1 else self.script[0]


@contextmanager
def serving():
    """A `ChatServer` that runs."""
    server = ChatServer()
    thread = threading.Thread(target=server._server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server._server.shutdown()
        server._server.server_close()
        thread.join()


def _handler_of(server):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            server.requests.append((self.path, dict(self.headers), None))
            if self.path == "/v1/models":
                reply = send(json.dumps({"data": server.models}))
            else:
                reply = send('{"error": {"message": "no such path"}}', status=404)
            reply(self, None)

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            server.requests.append((self.path, dict(self.headers), body))
            if self.path != "/v1/chat/completions":
                reply = send('{"error": {"message": "no such path"}}', status=404)
            else:
                reply = server.next() if server.script else quote_a_year
            reply(self, body)

        def log_message(self, *_):
            pass

    return Handler


def send(text, *, status=200, kind="application/json", length=None, **headers):
    """A reply of these bytes; `length` is what it says of its size."""
    data = text.encode() if isinstance(text, str) else text

    def reply(handler, _):
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(data) if length is None else length))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        try:
            handler.wfile.write(data)
        except OSError:  # nobody waits for it any longer
            handler.close_connection = True

    return reply


def say(content, *, logprobs=None, finish="stop"):
    """A reply in which the model says this."""
    choice = {"message": {"role": "assistant", "content": content}, "finish_reason": finish}
    if logprobs is not None:
        tokens = [{"token": token, "logprob": logprob} for token, logprob in logprobs]
        choice["logprobs"] = {"content": tokens}
    return send(json.dumps({"choices": [choice]}))


def passages_of(body):
    """The passages in a request, by number."""
    text = body["messages"][-1]["content"]
    parts = re.split(r"^\[(\d+)\] passage\n", text.rpartition("Question: ")[0], flags=re.M)
    return {int(n): passage for n, passage in zip(parts[1::2], parts[2::2], strict=True)}


def quote_a_year(handler, body):
    found = None
    for number, passage in passages_of(body).items():
        if year := re.search(r"(?<!\d)\d{4}(?!\d)", passage):
            found = {"passage": number, "answer": year[0]}
            break
    content = json.dumps(found or {"answer": None})
    say(content, logprobs=[(content, -0.1)])(handler, body)
