"""The page over real sockets: what is sent, what may be asked for, and that one slow reader is nobody else's trouble."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="needs fastapi: pip install 'mindleaf[live]'")
pytest.importorskip("websockets", reason="needs websockets: pip install 'mindleaf[live]'")

from websockets.sync.client import ClientConnection, connect

from mindleaf.errors import BadInput
from mindleaf.live.console import Console
from mindleaf.live.server import Server
from tests.live.listener import Listener, Running, session

FACTS = {
    "source": str, "model": str, "candidates": list, "channels": list, "positions": list, "window_s": float, "hop_s": float,
    "delay_s": float, "eeg_hz": float, "stream_hz": float, "sound_hz": float, "sound_bands": int, "begun": str,
}  # fmt: skip
FRAME = {
    "type": str, "number": int, "now": float, "running": bool, "state": str, "reason": str, "attended": int, "recording": str,
    "complaint": str, "decisions": list, "marks": list, "gaps": list, "refused": list, "eeg": dict, "sound": dict,
    "health": dict, "latency_ms": dict,
}  # fmt: skip
DECISION = {"at", "probability", "belief", "band", "choice", "reason", "channels", "attended"}


@pytest.fixture
def served(tmp_path) -> Iterator[Server]:
    console = Console(lambda: session(Listener()), tmp_path / "recordings", can_attend=True)
    with Server(console, port=0) as server, Running(console):
        yield server


def looking_on(server: Server) -> ClientConnection:
    base = server.url.split("?")[0].rstrip("/")
    return connect(base.replace("http", "ws") + "/live", origin=base, proxy=None, max_size=None)  # type: ignore[arg-type]


def until(page: ClientConnection, true: Any) -> dict[str, Any]:
    """The first message of which it is true."""
    while True:
        told = json.loads(page.recv(timeout=30))
        if true(told):
            return told


def test_what_is_sent_has_the_documented_shape(served):
    with looking_on(served) as page:
        hello = json.loads(page.recv(timeout=10))
        assert hello["type"] == "hello" and hello["version"] == 1 and hello["can_attend"] and hello["can_record"]
        assert {key: type(value) for key, value in hello["facts"].items()} == FACTS
        assert len(hello["facts"]["positions"]) == len(hello["facts"]["channels"]) == 4
        frame = until(page, lambda told: told.get("decisions") and told["decisions"][0]["choice"] >= 0)
        assert {key: type(value) for key, value in frame.items()} == FRAME
        [decision] = frame["decisions"][:1]
        assert set(decision) == DECISION and sum(decision["belief"]) == pytest.approx(1, abs=1e-3)
        for k, (low, high) in enumerate(decision["band"]):
            assert 0 <= low <= high <= 1 and len(decision["band"]) == 2 and 0 <= decision["probability"][k] <= 1
        assert {len(row) for row in frame["eeg"]["uv"]} <= {4} and frame["eeg"]["uv"]
        assert all(0 <= level <= 255 for row in frame["sound"]["levels"] for bands in row for level in bands)
        assert set(frame["latency_ms"]) == {"transport", "step", "answer", "page"}
        assert all(p50 <= p95 <= p99 for p50, p95, p99 in frame["latency_ms"].values())
        [eeg] = [one for one in frame["health"]["streams"] if one["kind"] == "eeg"]
        assert eeg["received"] > 0 and eeg["lost"] == 0
        again = json.loads(page.recv(timeout=10))
        assert again["number"] == frame["number"] + 1


def test_a_page_that_comes_later_is_told_of_the_past(served):
    with looking_on(served) as page:
        until(page, lambda told: told.get("decisions"))
        with looking_on(served) as late:
            hello = json.loads(late.recv(timeout=10))
    assert hello["decisions"] and hello["past"] and sum(len(past["eeg"]["uv"]) for past in hello["past"]) > 64


def test_a_page_marks_turns_records_stops_and_starts(served, tmp_path):
    with looking_on(served) as page:
        page.send(json.dumps({"do": "mark", "text": "door"}))
        until(page, lambda told: any(mark["label"] == "door" for mark in told.get("marks", [])))
        page.send(json.dumps({"do": "attend", "candidate": 1}))
        until(page, lambda told: told.get("attended") == 1)
        until(page, lambda told: any(one["choice"] == 1 for one in told.get("decisions", [])))
        page.send(json.dumps({"do": "record", "on": True}))
        name = until(page, lambda told: told.get("recording"))["recording"]
        page.send(json.dumps({"do": "record", "on": False}))
        until(page, lambda told: told.get("recording") == "")
        assert (tmp_path / "recordings" / name / "dataset_description.json").is_file()
        page.send(json.dumps({"do": "start"}))
        assert "running" in until(page, lambda told: told["type"] == "refused")["reason"]
        page.send(json.dumps({"do": "stop"}))
        until(page, lambda told: told.get("running") is False)
        page.send(json.dumps({"do": "start"}))
        until(page, lambda told: told["type"] == "hello")
        assert until(page, lambda told: told.get("running"))["now"] < 60


MISTAKES = {
    "no JSON": "{",
    "no command": "[]",
    "an unknown command": '{"do": "shutdown"}',
    "more than a command": '{"do": "stop", "now": true}',
    "a path to record to": '{"do": "record", "on": "/tmp/x"}',
    "an endless mark": json.dumps({"do": "mark", "text": "x" * 201}),
    "an empty mark": '{"do": "mark", "text": ""}',
    "a candidate that is not there": '{"do": "attend", "candidate": 7}',
    "a candidate that is no number": '{"do": "attend", "candidate": "1"}',
}


def test_what_is_no_command_is_refused_and_the_page_goes_on(served):
    with looking_on(served) as page:
        for what, text in MISTAKES.items():
            page.send(text)
            assert until(page, lambda told: told["type"] == "refused")["reason"].startswith("wanted"), what
        page.send(json.dumps({"do": "mark", "text": "still here"}))
        until(page, lambda told: any(mark["label"] == "still here" for mark in told.get("marks", [])))


def test_a_recording_has_nobody_to_turn():
    console = Console(lambda: session(Listener()))
    with pytest.raises(BadInput, match="nobody"):
        console.obey('{"do": "attend", "candidate": 1}')
    with pytest.raises(BadInput, match="records nothing"):
        console.obey('{"do": "record", "on": true}')


def test_a_port_that_is_taken_is_one_sentence():
    console = Console(lambda: session(Listener()))
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(BadInput, match=rf"127.0.0.1:{port}.*--port \(0 takes a free one\)"):
            Server(console, port=port)
    with pytest.raises(BadInput, match="--host"):
        Server(console, host="192.0.2.1", port=0)


def asked(url: str, **headers: str) -> int:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        return int(opener.open(urllib.request.Request(url, headers=headers), timeout=10).status)
    except urllib.error.HTTPError as error:
        return error.code


def test_where_others_can_reach_it_a_token_is_wanted():
    console = Console(lambda: session(Listener()))
    with Server(console, host="0.0.0.0", port=0) as server, Running(console):
        assert server.open_to_others and len(server.token) >= 32 and server.url.endswith(f"?token={server.token}")
        base = f"http://127.0.0.1:{re.search(r':([0-9]+)/', server.url)[1]}"  # type: ignore[index]
        assert asked(base + "/") == asked(base + "/live.js") == asked(base + "/?token=guess") == 401
        assert asked(base + "/live.js", Cookie=f"mindleaf={server.token}") == 200
    with Server(Console(lambda: session(Listener())), port=0) as server:
        assert not server.open_to_others and server.token == "" and asked(server.url) == 200
        assert asked(server.url, Host="evil.example") == 421


#: Forty-nine pages that read, in a process of their own; it prints for each the numbers it was told, until so many have come.
READERS = """
import asyncio, json, re, sys
from websockets.asyncio.client import connect
url, origin, n_pages, n_frames = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
async def read():
    async with connect(url, origin=origin, proxy=None, max_size=None) as page:
        numbers = []
        while len(numbers) < n_frames:
            found = re.match(r'{"type":"frame","number":(\\d+)', await page.recv())
            if found: numbers.append(int(found[1]))
        return numbers
async def main():
    print(json.dumps(await asyncio.gather(*(read() for _ in range(n_pages)))))
asyncio.run(main())
"""


def never_reading(server: Server) -> socket.socket:
    """A page that shakes hands and then takes nothing."""
    base = server.url.rstrip("/")
    host = base.removeprefix("http://")
    page = socket.socket()
    page.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    page.connect(("127.0.0.1", int(host.rsplit(":", 1)[1])))
    page.sendall(
        f"GET /live HTTP/1.1\r\nHost: {host}\r\nOrigin: {base}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    return page


def test_a_page_that_never_reads_slows_nobody(monkeypatch):
    monkeypatch.setattr("mindleaf.live.server.PATIENCE_S", 3.0)
    names = tuple(f"E{k}" for k in range(1, 33))
    console = Console(lambda: session(Listener(names, speed=4.0)))
    with Server(console, port=0) as server, Running(console):
        decided = console.session.subscribe(10_000)
        broadcast = server.broadcast
        with looking_on(server) as page:
            until(page, lambda told: told.get("number", 0) > 30)
        before = console.session.snapshot.step_ms[0]
        with never_reading(server) as silent:
            base = server.url.rstrip("/")
            command = [sys.executable, "-c", READERS, base.replace("http", "ws") + "/live", base, "49", "50"]
            told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout)
            give_up = 200
            with looking_on(server) as page:
                page.recv(timeout=10)  # Only who was told something is among the pages for certain.
                while broadcast.n_pages > 1 and (give_up := give_up - 1):
                    page.recv(timeout=10)
                assert broadcast.n_pages == 1, "the page that never reads was not let go"
            assert silent.fileno() >= 0
        after = console.session.snapshot.step_ms[0]
    assert len(told) == 49
    for numbers in told:
        assert numbers == list(range(numbers[0], numbers[0] + 50))
    numbers = [event.number for event in decided.get() if hasattr(event, "choice")]
    assert numbers == list(range(len(numbers))) and len(numbers) > 20
    assert after < 3 * before + 5, f"a step took {before} ms, with fifty pages {after} ms"


def test_the_page_is_whole():
    """What index.html names is there, is ours, and nothing in it is inline."""
    folder = Path(sys.modules["mindleaf.live.server"].PAGE)
    html = (folder / "index.html").read_text()
    named = re.findall(r'(?:src|href)="([^"]+)"', html)
    assert {"live.js", "page.css", "uPlot.iife.min.js", "uPlot.min.css"} <= set(named)
    assert all((folder / name).is_file() for name in named)
    assert "MIT" in (folder / "uPlot.LICENSE.txt").read_text() and "Not a medical device" in html
    assert not re.search(r"\son\w+=|<style|style=|<script>|https?:", html)
    for script in folder.glob("*.js"):
        if "uPlot" not in script.name:
            assert not re.search(
                r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", script.read_text()
            )
