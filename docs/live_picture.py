"""The picture of the live page, docs/live.png: a minute of the synthetic listener, in headless Chromium.

Run on a machine that does nothing else, or the latencies in it are those of the other work: python docs/live_picture.py [--out docs/live.png]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from mindleaf.live.console import Console  # noqa: E402
from mindleaf.live.server import Server  # noqa: E402
from mindleaf.stages.live import Asked, open_session  # noqa: E402
from tests.live.browser import Browser  # noqa: E402
from tests.live.listener import Running  # noqa: E402

#: So high that no panel is cut.
WIDTH, HEIGHT, SECONDS = 1400, 960, 62.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "live.png")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asked = Asked("synthetic", settings=("turn_every_s=15",))
        console = Console(lambda: open_session(asked), Path(folder), can_attend=True)
        with Server(console, port=0) as server, Browser(WIDTH, HEIGHT) as browser, Running(console):
            browser.open(server.url)
            browser.until("document.querySelector('#choice')")
            time.sleep(chosen.seconds)
            browser.picture(chosen.out)
    print(chosen.out)


if __name__ == "__main__":
    main()
