// Words and numbers: state, answer, health, log. All that comes from outside goes into textContent.
import { colour, shape } from "./look.js";

const LOGGED = 100;
const QUIET_MS = 3000;
const LEGS = { transport: "amplifier → decoder", step: "filter, judge, score", answer: "window's end → answer", page: "newest sample → page" };
const at = (id) => document.getElementById(id);

function say(id, text) {
  if (at(id).textContent !== text) at(id).textContent = text;
}

export class Panel {
  constructor() {
    this.lost = 0;
    this.complaint = "";
    this.state = "";
    this.refused = "";
  }

  begin(facts, told) {
    this.facts = facts;
    this.known = [];
    this.state = "";
    this.lost = 0;
    at("log").replaceChildren();
    say("source", facts.source);
    say("model", `${facts.model}, ${facts.window_s} s windows every ${facts.hop_s} s`);
    at("beliefs").replaceChildren(...facts.candidates.map((name, k) => this.belief(name, k)));
    for (const mark of told.marks) this.mark(mark);
    told.decisions.forEach((one) => this.decide(one));
  }

  belief(name, number) {
    const row = document.createElement("li");
    const words = document.createElement("span");
    const share = document.createElement("span");
    const bar = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    words.textContent = `${shape(number)} ${name}`;
    words.style.color = colour(number);
    share.textContent = "–";
    bar.classList.add("bar");
    bar.setAttribute("aria-hidden", "true");
    for (const [part, fill] of [["back", "var(--faint)"], ["front", colour(number)]]) {
      const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      rect.classList.add(part);
      rect.setAttribute("width", part === "back" ? "100%" : "0%");
      rect.setAttribute("height", "100%");
      rect.setAttribute("rx", "4");
      rect.style.fill = fill;
      bar.append(rect);
    }
    row.append(words, share, bar);
    return row;
  }

  follow(frame, facts) {
    say("clock", `${frame.now.toFixed(1)} s`);
    say("run-word", frame.running ? "Stop" : "Start");
    say("record-word", frame.recording ? `Recording ${frame.recording}` : "Record");
    at("record").setAttribute("aria-pressed", String(frame.recording !== ""));
    this.enter(frame.running ? frame.state : "stopped", frame.running ? frame.reason : "start it again with S", frame.now);
    if (frame.complaint !== this.complaint) this.complain(frame.complaint);
    this.complaint = frame.complaint;
    frame.marks.forEach((mark) => this.mark(mark));
    frame.gaps.forEach((gap) => this.log(gap.at, `${gap.lost} samples of ${gap.kind} lost`));
    frame.refused.forEach((one) => this.refuse(one, frame.now));
    frame.decisions.forEach((one) => this.decide(one));
    document.querySelectorAll("#attend button").forEach((button) => {
      button.setAttribute("aria-pressed", String(Number(button.dataset.candidate) === frame.attended));
    });
    if (frame.number % 5 === 0) this.health(frame, facts);
  }

  decide(row) {
    const name = row.choice < 0 ? "no decision" : `${shape(row.choice)} ${this.facts.candidates[row.choice]}`;
    say("choice", name);
    at("choice").style.color = row.choice < 0 ? "var(--soft)" : colour(row.choice);
    [...at("beliefs").children].forEach((item, k) => {
      item.children[1].textContent = `${Math.round(100 * row.belief[k])} %`;
      item.querySelector(".front").setAttribute("width", `${100 * row.belief[k]}%`);
    });
    this.compare(row);
  }

  // Where the source says who is attended, how often the answers of the last two minutes were right.
  compare({ attended, choice, at: second }) {
    if (attended >= 0 && choice >= 0) this.known.push({ second, right: attended === choice });
    this.known = this.known.filter((one) => one.second > second - 120);
    const share = this.known.filter((one) => one.right).length / this.known.length;
    const name = attended < 0 ? "" : `${shape(attended)} ${this.facts.candidates[attended]}`;
    say("truth", name && this.known.length ? `Attends ${name}, says the source. Answers agreed in ${Math.round(100 * share)} % of the last two minutes.` : "");
  }

  enter(state, why, now) {
    // A reason that only counts (samples a second) is said anew every few seconds, and stands in the log once.
    const kind = `${state} ${why.replace(/\d+/g, "")}`;
    if (kind === this.state && performance.now() < this.quietUntil) return;
    this.quietUntil = performance.now() + QUIET_MS;
    at("state").dataset.state = state;
    say("state-word", state);
    say("state-why", why ? `: ${why}` : "");
    if (kind !== this.state && now !== undefined) this.log(now, why ? `${state}: ${why}` : state);
    this.state = kind;
  }

  mark({ at: second, label }) {
    const turned = /^attend:(-?\d+)$/.exec(label);
    const name = turned && (this.facts.candidates[Number(turned[1])] ?? "nobody");
    this.log(second, turned ? `the listener turns to ${name}` : `mark: ${label}`);
  }

  log(second, words) {
    const item = document.createElement("li");
    const time = document.createElement("b");
    time.textContent = `${second.toFixed(1)} s`;
    item.append(time, words);
    at("log").prepend(item);
    while (at("log").children.length > LOGGED) at("log").lastChild.remove();
  }

  health(frame, facts) {
    const { streams, rate_hz: rate, window_held: held, page_dropped: dropped } = frame.health;
    const rows = streams.map((s) => [s.kind, s.received, s.lost, s.refused, s.repeated]);
    at("streams").replaceChildren(...rows.map((cells) => row(cells, (value, k) => k > 1 && value > 0)));
    const legs = Object.entries(LEGS).map(([leg, words]) => [words, ...frame.latency_ms[leg].map((ms) => ms.toFixed(1))]);
    at("latency").replaceChildren(...legs.map((cells) => row(cells, () => false)));
    say("rate", `${rate.toFixed(1)} of ${facts.stream_hz} Hz`);
    say("held", `${Math.round(100 * held)} %`);
    say("page-lost", `${dropped + this.lost}`);
  }

  // A stream that stays refused is told once.
  refuse({ kind, reason }, now) {
    if (reason !== this.refused) this.log(now, `${kind} refused: ${reason}`);
    this.refused = reason;
  }

  lose(n) {
    this.lost += n;
  }

  linked(up) {
    say("link", up ? "✓ connected" : "✕ not connected");
    if (!up) this.enter("not connected", "the page tries again every second");
  }

  complain(words) {
    at("complaint").hidden = words === "";
    say("complaint", words);
  }
}

function row(cells, bad) {
  const line = document.createElement("tr");
  cells.forEach((value, k) => {
    const cell = document.createElement(k ? "td" : "th");
    if (!k) cell.scope = "row";
    cell.textContent = value;
    if (bad(value, k)) cell.className = "bad";
    line.append(cell);
  });
  return line;
}
