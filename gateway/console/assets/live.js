"use strict";
// Liveness, clocks, passkeys and scanners. Everything else works without this file.

const policy = window.trustedTypes
  ? window.trustedTypes.createPolicy("liaison", { createHTML: (html) => html })
  : { createHTML: (html) => html };

// --- parts of a page that are fetched again when the node says that something has changed

const parse = (html) => new DOMParser().parseFromString(policy.createHTML(html), "text/html");

// What the person is filling in is never taken away.
const isBusy = (part) =>
  part.contains(document.activeElement) && /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName);

async function renew(part) {
  if (isBusy(part)) {
    part.dataset.stale = "true";
    part.addEventListener("focusout", () => setTimeout(() => renew(part), 0), { once: true });
    return;
  }
  const answer = await fetch(location.href, { headers: { accept: "text/html", "x-liaison-live": "1" }, credentials: "same-origin" });
  if (answer.redirected || answer.status === 401) { location.reload(); return; } // signed out: nothing stays on the screen
  if (answer.status === 429 || answer.status >= 500) throw new Error("the node is busy");
  if (!answer.ok) return;
  const fresh = parse(await answer.text()).getElementById(part.id);
  if (!fresh) { location.reload(); return; }
  part.replaceChildren(...fresh.childNodes);
  delete part.dataset.stale;
  tick();
}

const later = (pause) => new Promise((resolve) => setTimeout(resolve, pause));
const SHORT = 2000, LONG = 30000; // milliseconds between two tries

function follow(part) {
  let wanted = false, running = false, refused = SHORT;
  // No event may come after the last one, so a part that could not be fetched is fetched until it was.
  const run = async () => {
    wanted = true;
    if (running) return;
    running = true;
    for (let pause = SHORT; wanted; ) {
      wanted = false;
      try { await renew(part); pause = SHORT; } catch { wanted = true; await later(pause); pause = Math.min(2 * pause, LONG); }
    }
    running = false;
  };
  const open = () => {
    const source = new EventSource(part.dataset.live);
    source.addEventListener("open", () => { refused = SHORT; });
    source.addEventListener("changed", run);
    source.addEventListener("over", () => { source.close(); run(); });
    // A browser tries a broken stream again, and a refused one not.
    source.addEventListener("error", async () => {
      if (source.readyState !== EventSource.CLOSED) return;
      run();
      await later(refused);
      refused = Math.min(2 * refused, LONG);
      open();
    });
  };
  open();
}

// --- clocks: the server says the words, this file counts

const words = document.body.dataset;

function left(seconds) {
  const minutes = Math.floor(seconds / 60);
  if (seconds <= 0) return words.over;
  if (seconds < 60) return words.seconds.replace("{count}", String(seconds));
  if (minutes < 120) return words.minutes.replace("{count}", String(minutes));
  if (minutes < 48 * 60) return words.hours.replace("{count}", String(Math.floor(minutes / 60)));
  return words.days.replace("{count}", String(Math.floor(minutes / (24 * 60))));
}

function tick() {
  for (const clock of document.querySelectorAll("time[data-due]")) {
    const seconds = Math.floor((Date.parse(clock.dataset.due) - Date.now()) / 1000);
    const text = clock.querySelector("[data-left]");
    if (!text || Number.isNaN(seconds)) continue;
    // Only the countdown goes: a year in two eras has brackets of its own. What was overdue at first says so itself.
    if (!text.dataset.first) {
      if (seconds <= 0) { clock.classList.add("danger"); continue; }
      text.dataset.first = text.textContent.replace(/\s*\([^()]*\)$/, "");
    }
    clock.classList.toggle("warn", seconds > 0 && seconds <= 900);
    clock.classList.toggle("danger", seconds <= 0);
    text.textContent = `${text.dataset.first} (${left(seconds)})`;
  }
}

// --- an alarm is heard at once, and each minute until it is taken; a browser allows sound after the first touch

const heard = new Map();

function ring() {
  const sound = new AudioContext();
  const volume = new GainNode(sound, { gain: 0.2 });
  volume.connect(sound.destination);
  [880, 660, 880].forEach((pitch, place) => {
    const tone = new OscillatorNode(sound, { frequency: pitch });
    tone.connect(volume);
    tone.start(sound.currentTime + place / 4);
    tone.stop(sound.currentTime + place / 4 + 0.2);
    if (place === 2) tone.onended = () => sound.close();
  });
}

function listen() {
  const open = (document.querySelector("[data-alarm]")?.dataset.alarm ?? "").split(" ").filter(Boolean);
  const due = open.filter((name) => Date.now() - (heard.get(name) ?? 0) >= 60000);
  if (!due.length || !navigator.userActivation.hasBeenActive) return;
  for (const name of due) heard.set(name, Date.now());
  ring();
}

// --- passkeys: the person's own device signs over the hash of what will leave

const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (sign) => sign.charCodeAt(0));
const encoded = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");

function decoded(options) {
  const known = { ...options, challenge: bytes(options.challenge) };
  for (const list of ["allowCredentials", "excludeCredentials"])
    if (options[list]) known[list] = options[list].map((each) => ({ ...each, id: bytes(each.id) }));
  if (options.user) known.user = { ...options.user, id: bytes(options.user.id) };
  return known;
}

function answered(credential) {
  const response = {};
  for (const name of ["clientDataJSON", "authenticatorData", "signature", "userHandle", "attestationObject"])
    if (credential.response[name]) response[name] = encoded(credential.response[name]);
  return { id: credential.id, rawId: encoded(credential.rawId), type: credential.type, response };
}

async function sign(form) {
  const options = decoded(JSON.parse(form.dataset.passkey));
  const credential = form.dataset.enrol
    ? await navigator.credentials.create({ publicKey: options })
    : await navigator.credentials.get({ publicKey: options });
  form.elements.namedItem("assertion").value = JSON.stringify(answered(credential));
  form.submit();
}

// --- scanners type as keyboards do: a zone has several lines, and Enter between them does not send the form

const FIRST_LINES = /^[A-Z][A-Z0-9<]{29}$|^[A-Z][A-Z0-9<]{35}$|^[A-Z][A-Z0-9<]{43}$|^[A-Z0-9<]{60}$/;

function scan(field) {
  field.addEventListener("keydown", (event) => {
    const zone = field.value.replace(/(^|\s)LN1\.\S*/i, "").trim();  // without the token that was scanned before it
    if (event.key === "Enter" && FIRST_LINES.test(zone) && zone.includes("<"))
      event.preventDefault();
  });
}

// A scan that comes while nothing is in focus goes into the field of the gate.
function catchScans(field) {
  document.addEventListener("keydown", (event) => {
    const idle = document.activeElement === document.body;
    if (idle && event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey) field.focus();
  });
}

// A page that comes back out of the browser's memory may be of a person who signed out.
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
for (const part of document.querySelectorAll("[data-live]")) follow(part);
for (const form of document.querySelectorAll("form[data-passkey]"))
  form.addEventListener("submit", (event) => {
    if (form.elements.namedItem("assertion").value) return;
    event.preventDefault();
    sign(form).catch(() => { form.querySelector("[data-failed]")?.removeAttribute("hidden"); });
  });
const asked = document.getElementById("asked");
if (asked) { scan(asked); catchScans(asked); }
tick();
setInterval(() => { tick(); listen(); }, 1000);
