"""A server's every misdeed is one clear error, and the key goes nowhere else."""

import json
import logging
import re
import socket
import sys
import time
from email.utils import formatdate

import pytest

from chat_server import say, send
from frugally.ask.readers import endpoint
from frugally.ask.readers.endpoint import LARGEST, Endpoint
from frugally.errors import MissingExtraError, ReaderError, UsageError

PATH, BODY = "chat/completions", {"model": "m"}
KEY = "sk-secret-0123456789"


@pytest.fixture
def keyed(server, monkeypatch):
    monkeypatch.setenv("FRUGALLY_API_KEY", KEY)
    return Endpoint.open(server.address, timeout=5)


def failure(server, *script, timeout=5.0, bodies=(BODY,)):
    """The error that comes of a server that plays this."""
    server.script = list(script)
    with pytest.raises(ReaderError) as caught:
        Endpoint.open(server.address, timeout=timeout).post(PATH, *bodies)
    assert caught.value.exit_code == 1
    assert str(caught.value).startswith(server.address)
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_good_reply_is_its_object(server):
    server.script = [send('{"a": [1]}', kind="application/json; charset=utf-8")]
    assert Endpoint.open(server.address).post(PATH, BODY) == {"a": [1]}
    path, headers, body = server.requests[0]
    assert (path, body) == ("/v1/chat/completions", BODY)
    assert "Authorization" not in headers
    assert Endpoint.open(server.address + "/").get("models")["data"] == server.models
    whole = Endpoint.open(server.address + "/chat/completions")
    assert whole.address == server.address


# Patience


@pytest.mark.parametrize("status", [429, 500, 502, 503, 529])
def test_a_failure_that_passes_is_waited_out(server, status):
    server.script = [send("busy", status=status), send("", status=status), send('{"a": 1}')]
    assert Endpoint.open(server.address).post(PATH, BODY) == {"a": 1}
    assert len(server.asked) == 3


def test_a_failure_that_stays_is_told_after_some_tries(server):
    error = failure(server, send('{"error": {"message": "out of\\n memory"}}', status=500))
    assert str(error).endswith("tried 4 times: the server failed (500): out of memory")
    assert error.hint
    assert len(server.asked) == 4


def test_retry_after_is_kept(server, monkeypatch):
    waited = []
    monkeypatch.setattr(time, "sleep", waited.append)
    date = formatdate(time.time() + 3, usegmt=True)
    server.script = [
        send("", status=429, Retry_After="2"), send("", status=503, Retry_After=date),
        send("", status=429, Retry_After="soon"), send("{}"),
    ]  # fmt: skip
    Endpoint.open(server.address).post(PATH, BODY)
    assert waited[0] == 2
    assert 1 < waited[1] <= 3
    assert waited[2] == 0.01


@pytest.mark.parametrize("asked", ["3600", "9" * 400])
def test_a_wait_beyond_patience_is_not_begun(server, asked):
    error = failure(server, send("", status=429, Retry_After=asked))
    assert "too many requests (429)" in str(error)
    assert "it asks to wait" in error.hint
    assert len(server.asked) == 1


def test_all_tries_together_end(server, monkeypatch):
    monkeypatch.setattr(endpoint, "WAITS", (0.05,) * 1000)
    failure(server, send("", status=500), timeout=0.2)
    assert len(server.asked) < 20


# What goes wrong on the way


def test_a_slow_reply_ends_with_the_time(server):
    def slow(handler, _):
        time.sleep(1.5)

    error = failure(server, slow, timeout=0.2)
    assert "did not answer within 0.2 s" in str(error)
    assert "--timeout" in error.hint
    assert len(server.asked) == 1


def test_a_reply_that_trickles_ends_with_the_time(server):
    def trickle(handler, _):
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.end_headers()
        try:
            for _ in range(40):
                handler.wfile.write(b" ")
                time.sleep(0.05)
        except OSError:
            pass

    assert "within 0.3 s" in str(failure(server, trickle, timeout=0.3))


def test_a_reply_that_breaks_off_is_tried_again(server):
    cut = send('{"choices": [{"mess', length=5000)
    assert "broke off its reply" in str(failure(server, cut))
    server.script = [cut, send('{"a": 1}')]
    assert Endpoint.open(server.address).post(PATH, BODY) == {"a": 1}


def test_nobody_there():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        with pytest.raises(ReaderError, match=r"cannot reach the server.*refused") as caught:
            Endpoint.open(f"http://127.0.0.1:{port}/v1").post(PATH, BODY)
    assert "is it running" in caught.value.hint


def test_a_host_that_is_silent(monkeypatch):
    with socket.socket() as deaf:  # its queue is full, and nobody takes from it
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        port = deaf.getsockname()[1]
        waiting = [socket.socket() for _ in range(3)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        monkeypatch.setattr(endpoint, "_CONNECT", 0.2)
        with pytest.raises(ReaderError, match="cannot reach the server: it is silent"):
            Endpoint.open(f"http://127.0.0.1:{port}/v1", timeout=5).post(PATH, BODY)
        for each in waiting:
            each.close()


def test_no_such_host():
    with pytest.raises(ReaderError, match="cannot reach the server"):
        Endpoint.open("http://localhost.invalid:1/v1", timeout=5).post(PATH, BODY)


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (send('{"choices": ['), "not valid JSON"),
        (send("["), "not valid JSON"),
        (send(b"\xff\xfe\xff"), "not valid JSON"),
        (send("[" * 100_000), "not valid JSON"),
        (send("[1]"), "not a JSON object"),
        (send("<html>", kind="text/html"), "is text/html, not JSON"),
        (send("data: {}\n\n", kind="text/event-stream"), "is text/event-stream, not JSON"),
        (send("{}", Content_Encoding="gzip"), "compressed"),
        (send(b" " * (LARGEST + 1)), "more than 4,000,000 bytes"),
        (send('{"error": {"message": "no credit"}}'), "the server failed: no credit"),
        (send("", status=404), r"has no /chat/completions \(404\)"),
        (send('{"detail": "no"}', status=405), r"does not answer at .* \(405\): no"),
        (send("", status=201), r"does not answer at"),
        (send('{"message": "too long"}', status=400), r"refuses the request \(400\): too long"),
        (send("", status=401), r"asks for a key \(401\)"),
    ],
)  # fmt: skip
def test_a_reply_that_is_none(server, reply, message):
    assert re.search(message, str(failure(server, reply)))
    assert len(server.asked) == 1


def test_parameters_that_a_server_does_not_know_are_left_out(server):
    server.script = [send('{"error": "no logprobs"}', status=400), send('{"a": 1}')]
    bodies = [{**BODY, "logprobs": True}, BODY]
    assert Endpoint.open(server.address).post(PATH, *bodies) == {"a": 1}
    assert server.asked == bodies
    error = failure(server, send('{"error": "no"}', status=422), bodies=bodies)
    assert str(error).endswith("the server refuses the request (422): no")


def test_a_long_message_is_cut(server):
    error = failure(server, send(json.dumps({"error": "long " * 10_000}), status=404))
    assert len(str(error)) < 400


# The key


def test_the_key_goes_into_the_header_alone(server, keyed):
    server.script = [send("{}")]
    keyed.post(PATH, BODY)
    path, headers, body = server.requests[0]
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert KEY not in path + json.dumps(body)
    assert KEY not in repr(keyed)


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 429, 500])
def test_a_server_that_says_the_key_is_not_repeated(server, keyed, status, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    text = f"bad key {KEY}! " + "x" * 250 + KEY + "y" * 50
    server.script = [send(json.dumps({"error": {"message": text}}), status=status)]
    with pytest.raises(ReaderError) as caught:
        keyed.post(PATH, BODY)
    told = str(caught.value) + (caught.value.hint or "")
    assert "bad key [key]!" in told
    assert KEY[:6] not in told
    assert KEY not in caplog.text
    assert KEY not in "".join(capfd.readouterr())


def test_a_key_is_refused_in_words(server, keyed):
    server.script = [send("", status=401)]
    with pytest.raises(ReaderError, match=r"refuses the key \(401\)") as caught:
        keyed.post(PATH, BODY)
    assert "FRUGALLY_API_KEY" in caught.value.hint


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_nothing_follows_a_redirect(server, keyed, status):
    there = f"https://user:{KEY}@elsewhere.example:8443/v1/x?key={KEY}"
    server.script = [send("", status=status, Location=there)]
    with pytest.raises(ReaderError) as caught:
        keyed.post(PATH, BODY)
    assert "redirects to https://elsewhere.example:8443/v1/x" in str(caught.value)
    assert KEY not in str(caught.value)
    assert len(server.requests) == 1


@pytest.mark.parametrize("location", ["", "http://[", "/v2", "http://h:99999/"])
def test_a_redirect_to_nowhere(server, keyed, location):
    server.script = [send("", status=307, Location=location)]
    with pytest.raises(ReaderError, match="redirects to"):
        keyed.post(PATH, BODY)


@pytest.mark.parametrize(
    ("address", "environment", "key"),
    [
        ("http://far.example/v1", {"FRUGALLY_API_KEY": "f", "OPENAI_API_KEY": "o"}, "f"),
        ("https://far.example/v1", {"OPENAI_API_KEY": " o\n"}, "o"),
        ("https://far.example/v1", {"FRUGALLY_API_KEY": "", "OPENAI_API_KEY": "o"}, "o"),
        # It was not set for this server, and would be read on the way.
        ("http://far.example/v1", {"OPENAI_API_KEY": "o"}, ""),
        ("http://localhost:1/v1", {"OPENAI_API_KEY": "o"}, "o"),
        ("http://[::1]:1/v1", {"OPENAI_API_KEY": "o"}, "o"),
        ("https://far.example/v1", {}, ""),
    ],
)
def test_which_key_goes_where(address, environment, key):
    assert Endpoint.open(address, environment=environment).key == key


@pytest.mark.parametrize("key", ["a b", "a\nX-Evil: 1", "schlüssel", "a\x00b"])
def test_a_key_that_is_none_is_not_shown(key):
    with pytest.raises(UsageError, match="FRUGALLY_API_KEY holds") as caught:
        Endpoint.open("https://far.example/v1", environment={"FRUGALLY_API_KEY": key})
    assert key not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        f"http://user:{KEY}@host/v1", f"http://{KEY}@host/v1", f"http://host/v1?key={KEY}",
        f"http://host/v1#{KEY}", f"http:///{KEY}", f"http://host:{KEY}/v1", f"http://[{KEY}/v1",
        f"http://host/ä{KEY}", f"http://host/{KEY} x", "https://", f"http://host\x00/{KEY}",
        f"http://user:{KEY}",
    ],
)  # fmt: skip
def test_an_address_that_is_none_or_holds_a_secret(address):
    with pytest.raises(UsageError) as caught:
        Endpoint.open(address, environment={})
    assert KEY not in str(caught.value) + (caught.value.hint or "")


def test_a_proxy_that_is_none_is_not_shown(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", f"ftp://user:{KEY}@proxy")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with pytest.raises(ReaderError, match="proxy") as caught:
        Endpoint.open("http://far.example/v1", environment={}).get("models")
    assert KEY not in str(caught.value)


def test_a_proxy_is_not_asked_for_this_machine(server, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1")
    server.script = [say("x")]
    assert Endpoint.open(server.address).post(PATH, BODY)["choices"]


def test_without_the_library_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(MissingExtraError) as caught:
        Endpoint.open("http://localhost/v1")
    assert caught.value.hint == "pip install 'frugally[http]'"
