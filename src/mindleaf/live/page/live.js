// The page: one socket, what it tells is handed to the drawings. Names and reasons are text, never markup: textContent only.
import { Attention } from "./attention.js";
import { Head } from "./head.js";
import { Panel } from "./panel.js";
import { Sound } from "./sound.js";
import { Traces } from "./traces.js";

const RETRY_MS = 1000;
const at = (id) => document.getElementById(id);
const panel = new Panel();
let socket = null;
let facts = null;
let drawings = [];
let running = false;
let recording = false;
let nextNumber = 0;
let waiting = false;
let now = 0;

function connect() {
  socket = new WebSocket(`ws://${location.host}/live`);
  socket.onopen = () => panel.linked(true);
  socket.onmessage = (message) => take(JSON.parse(message.data));
  socket.onclose = () => {
    panel.linked(false);
    setTimeout(connect, RETRY_MS);
  };
}

function take(told) {
  if (told.type === "hello") begin(told);
  else if (told.type === "frame" && facts) follow(told);
  else if (told.type === "refused") panel.complain(told.reason);
}

function begin(told) {
  facts = told.facts;
  nextNumber = -1;
  panel.begin(facts, told);
  drawings.forEach((drawing) => drawing.close());
  drawings = [new Attention(facts), new Traces(facts), new Head(facts), new Sound(facts)];
  for (const past of told.past) drawings.forEach((drawing) => drawing.take({ decisions: [], marks: [], ...past }));
  drawings.forEach((drawing) => drawing.take({ decisions: told.decisions, marks: told.marks, eeg: { uv: [] }, sound: { levels: [] } }));
  offerAttention(told.can_attend);
  at("record").disabled = !told.can_record;
}

function follow(frame) {
  if (nextNumber >= 0 && frame.number > nextNumber) panel.lose(frame.number - nextNumber);
  nextNumber = frame.number + 1;
  ({ running } = frame);
  recording = frame.recording !== "";
  panel.follow(frame, facts);
  drawings.forEach((drawing) => drawing.take(frame));
  // Drawn when the screen is: a slow browser skips pictures, not messages, and a hidden page draws nothing.
  if (!waiting) requestAnimationFrame(draw);
  waiting = true;
  now = frame.now;
  document.documentElement.dataset.frame = frame.number;
}

function draw() {
  waiting = false;
  drawings.forEach((drawing) => drawing.draw(now));
}

function send(command) {
  if (socket && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(command));
}

function offerAttention(can) {
  const place = at("attend");
  place.querySelectorAll("button").forEach((button) => button.remove());
  place.hidden = !can;
  if (!can) return;
  [...facts.candidates, "nobody"].forEach((name, number) => {
    const candidate = number < facts.candidates.length ? number : -1;
    const button = document.createElement("button");
    const key = document.createElement("kbd");
    button.type = "button";
    button.dataset.candidate = candidate;
    key.textContent = candidate < 0 ? "0" : String(candidate + 1);
    button.append(key, name);
    button.onclick = () => send({ do: "attend", candidate });
    place.append(button);
  });
}

at("run").onclick = () => send({ do: running ? "stop" : "start" });
at("record").onclick = () => send({ do: "record", on: !recording });
at("mark").onsubmit = (event) => {
  event.preventDefault();
  const text = at("mark-text").value.trim() || "mark";
  send({ do: "mark", text });
  at("mark-text").value = "";
  at("mark-text").blur();
};

// Every control has its key, which stands on it; none while a person types or holds a modifier.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target instanceof HTMLInputElement) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const key = event.key.toLowerCase();
  if (key === "s") at("run").click();
  else if (key === "r") at("record").click();
  else if (key === "m") at("mark-text").focus();
  else if (/^[0-9]$/.test(key)) document.querySelector(`#attend button[data-candidate="${Number(key) - 1}"]`)?.click();
  else return;
  event.preventDefault();
});

connect();
