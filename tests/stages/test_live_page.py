"""mindleaf live as a person starts it: the address is printed, the page is up, Ctrl-C ends it."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

pytest.importorskip("fastapi", reason="needs fastapi: pip install 'mindleaf[live]'")

from tests.conftest import hears_ctrl_c
from tests.stages.command import mindleaf, worked

LIVE = ("live", "--source", "synthetic")


def test_the_page_is_up_until_ctrl_c():
    command = [sys.executable, "-u", "-m", "mindleaf.cli", *LIVE, "--port", "0"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=hears_ctrl_c)
    try:
        assert running.stdout is not None
        said = running.stdout.readline()
        assert said.startswith("the page is at http://127.0.0.1:"), said
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        assert b"Not a medical device" in opener.open(said.split()[-1], timeout=10).read()
        # The first line of the session: it has begun, the page is no leftover.
        assert "attention turns to left" in running.stdout.readline()
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    finally:
        running.kill()
    assert running.returncode == 0 and "stopping" in out and "Traceback" not in err, err


def test_for_seconds_it_runs_and_tells_its_figures():
    begun = time.monotonic()
    done = worked(*LIVE, "--port", 0, "--speed", "inf", "--for", 10, "--json")
    assert json.loads(done.out)["windows"] >= 10 and "the page is at" in done.err
    assert set(json.loads(done.out)["step_ms"]) == {"median", "p95", "p99", "max"} and time.monotonic() - begun < 60


def test_a_port_that_is_taken_is_one_clear_sentence():
    with socket.create_server(("127.0.0.1", 0)) as other:
        complaint = mindleaf(*LIVE, "--port", other.getsockname()[1]).complaint
    assert "--port (0 takes a free one)" in complaint
