// The chat page: shows what was said, says what is typed or tapped, and hears what is new. chat-view.js knows how
// messages look.
"use strict";

const demo = "demo" in page.dataset;
const at = (id) => document.getElementById(id);
const log = at("log"), stage = at("stage"), form = at("composer"), field = at("words");
const SHOP = "/chat/shop";
const TYPING_AFTER_MS = 300, NEAR_END_PX = 140;

let seat = page.dataset.seat;
let newest = 0, oldest = null, more = false, unseen = 0, turn = 0;
let stream = null, sending = Promise.resolve(), waiting = 0;

// ── small helpers ──
function freshId() {
  const raw = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(raw, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function call(path, body) {
  const given = body === undefined ? {} : {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  };
  const answer = await fetch(path, { credentials: "same-origin", ...given });
  if (!answer.ok) throw Object.assign(new Error(String(answer.status)), { status: answer.status });
  return answer.json();
}

function remembered(name, value) {
  try {
    const key = `fenxiao:${name}:${seat}`;
    if (value === undefined) return localStorage.getItem(key);
    localStorage.setItem(key, value);
  } catch { /* a browser that keeps nothing still chats */ }
  return null;
}

// ── putting messages in their place ──
function show(messages, { earlier = false } = {}) {
  const stay = nearEnd();
  const height = stage.scrollHeight;
  let added = 0;
  for (const message of messages) {
    if (log.querySelector(`[data-id="${message.id}"]`)) continue;
    const after = [...log.querySelectorAll("li[data-id]")].find((item) => Number(item.dataset.id) > message.id);
    log.insertBefore(build(message), after ?? log.querySelector(".waiting, .typing"));
    newest = Math.max(newest, message.id);
    oldest = oldest === null ? message.id : Math.min(oldest, message.id);
    if (!message.mine) added += 1;
  }
  separate();
  if (earlier) stage.scrollTop += stage.scrollHeight - height;
  else if (stay) toEnd();
  else if (added) count(unseen + added);
  if (added && !earlier && document.hidden) count(unseen + (stay ? added : 0));
  seen();
}

function separate() {
  for (const old of log.querySelectorAll(".day")) old.remove();
  let last = "";
  for (const item of log.querySelectorAll("li[data-id]")) {
    const day = new Date(item.dataset.at).toDateString();
    if (day !== last) log.insertBefore(make("li", "day", dayName(new Date(item.dataset.at))), item);
    last = day;
  }
  const items = [...log.querySelectorAll("li[data-id]")];
  items.forEach((item, place) => item.classList.toggle("latest", place === items.length - 1));
}

function markUnread(messages) {
  const read = Number(remembered("read") || 0);
  const first = read && messages.find((message) => message.id > read && !message.mine);
  if (!first || first === messages[0]) return;
  const item = log.querySelector(`[data-id="${first.id}"]`);
  item?.parentNode.insertBefore(make("li", "unread", words.unread), item);
}

function nearEnd() {
  return stage.scrollHeight - stage.scrollTop - stage.clientHeight < NEAR_END_PX;
}

function toEnd(smooth = false) {
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  stage.scrollTo({ top: stage.scrollHeight, behavior: smooth && !calm ? "smooth" : "instant" });
}

function seen() {
  if (document.hidden || !nearEnd()) return;
  count(0);
  if (newest) remembered("read", String(newest));
}

function count(number) {
  unseen = number;
  document.title = number ? `(${number}) ${words.title}` : words.title;
  const badge = at("newest").querySelector(".badge");
  badge.hidden = !number;
  badge.textContent = number;
  at("newest").hidden = nearEnd();
}

stage.addEventListener("scroll", () => {
  at("newest").hidden = nearEnd();
  seen();
}, { passive: true });
document.addEventListener("visibilitychange", seen);
at("newest").addEventListener("click", () => toEnd(true));

// ── saying something ──
function say(what, label) {
  const mine = turn;
  const id = freshId();
  const item = label ? log.appendChild(make("li", "message mine waiting")) : null;
  if (item) {
    fill(item.appendChild(make("div", "body")).appendChild(make("div", "bubble")), label, false);
    toEnd();
  }
  const attempt = () => {
    sending = sending.then(() => (mine === turn ? deliver({ id, ...what }, item, attempt) : undefined));
    return sending;
  };
  return attempt();
}

async function deliver(what, item, again) {
  item?.classList.remove("failed");
  item?.querySelector(".again")?.remove();
  const slow = setTimeout(() => typing(true), TYPING_AFTER_MS);
  waiting += 1;
  const mine = turn;
  try {
    const answer = await call("/chat/api/say", newest ? { ...what, after: newest } : what);
    if (mine !== turn) return;
    item?.remove();
    if (answer.locale !== page.dataset.locale) return location.reload();
    show(answer.messages);
    toEnd();
    listen();
  } catch (trouble) {
    if (mine !== turn) return;
    if (item) {
      item.classList.add("failed");
      const button = item.appendChild(make("button", "again", trouble.status === 429 ? words.too_many : words.failed));
      button.type = "button";
      button.addEventListener("click", again);
      toEnd();
    }
    if (trouble.status === 403) location.assign("/chat");
  } finally {
    waiting -= 1;
    clearTimeout(slow);
    typing(false);
  }
}

function typing(on) {
  const shown = log.querySelector(".typing");
  if (on && !shown) {
    const item = log.appendChild(make("li", "message ours typing"));
    item.setAttribute("aria-label", words.typing);
    const dots = item.appendChild(make("div", "body")).appendChild(make("div", "bubble"));
    for (let dot = 0; dot < 3; dot += 1) dots.append(make("i"));
    toEnd();
  }
  if (!on && !waiting) shown?.remove();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = field.value.trim();
  if (!text) return;
  field.value = "";
  grow();
  say({ text }, text);
});
field.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    form.requestSubmit();
  }
});
field.addEventListener("input", grow);
at("menu").addEventListener("click", () => say({ action: "home" }, at("menu").textContent.trim()));

function grow() {
  field.style.height = "auto";
  field.style.height = `${Math.min(field.scrollHeight, 160)}px`;
}

// ── hearing what is new ──
function listen() {
  if (stream && stream.readyState !== EventSource.CLOSED) return;
  stream?.close();
  stream = new EventSource(`/chat/api/events?after=${newest}`);
  stream.addEventListener("open", () => {
    if (!at("offline").hidden) catchUp();
    cutOff(false);
  });
  stream.addEventListener("message", (event) => show([JSON.parse(event.data)]));
  stream.addEventListener("elsewhere", (event) => JSON.parse(event.data).seats.forEach(badge));
  stream.addEventListener("error", () => {
    cutOff(true);
    if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
  });
}

// The line that says so takes its place between messages and input, and covers neither.
function cutOff(off) {
  const stay = nearEnd();
  at("offline").hidden = !off;
  if (stay) toEnd();
}

async function catchUp() {
  const mine = turn;
  try {
    const found = await call("/chat/api/history");
    if (mine === turn) show(found.messages);
  } catch { /* the next reconnection tries again */ }
}

async function begin() {
  const mine = turn;
  try {
    const found = await call("/chat/api/history");
    if (mine !== turn) return;
    more = found.more;
    at("earlier").hidden = !more;
    show(found.messages, { earlier: true });
    markUnread(found.messages);
    toEnd();
    const unread = log.querySelector(".unread");
    if (unread && stage.scrollHeight - unread.offsetTop > stage.clientHeight) unread.scrollIntoView();
    const code = page.dataset.code;
    page.dataset.code = "";
    if (code) await say({ start: code });
    else if (found.fresh) await say({ start: "" });
    if (code) history.replaceState(null, "", "/chat");
    if (newest) listen();
    seen();
  } catch {
    cutOff(true);
    setTimeout(() => mine === turn && begin(), 3000);
  }
}

async function showEarlier() {
  if (!more || at("earlier").disabled) return;
  at("earlier").disabled = true;
  const mine = turn;
  try {
    const found = await call(`/chat/api/history?before=${oldest}`);
    if (mine !== turn) return;
    more = found.more;
    show(found.messages, { earlier: true });
    at("earlier").hidden = !more;
  } catch { /* the button stays */ } finally {
    at("earlier").disabled = false;
  }
}
at("earlier").addEventListener("click", showEarlier);
new IntersectionObserver((seenOnes) => {
  if (seenOnes.some((one) => one.isIntersecting) && oldest !== null) showEarlier();
}, { root: stage }).observe(at("earlier"));

// ── pictures ──
const viewer = at("viewer");
function enlarge(image) {
  viewer.querySelector("img").src = image.src;
  viewer.querySelector("img").alt = image.alt;
  viewer.querySelector("a").href = image.src;
  viewer.showModal();
}
at("close-viewer").addEventListener("click", () => viewer.close());
viewer.addEventListener("click", (event) => event.target.tagName !== "A" && viewer.close());

// ── language ──
for (const button of document.querySelectorAll(".speak")) {
  button.addEventListener("click", async () => {
    await call("/chat/api/language", { locale: button.dataset.locale });
    location.assign("/chat");
  });
}

// ── a demo's seats, and its shop beside the chat ──
function badge(member) {
  const button = document.querySelector(`.seat[data-seat="${CSS.escape(member)}"]`);
  if (!button || member === seat) return;
  const shown = button.querySelector(".badge");
  shown.textContent = Number(shown.textContent || 0) + 1;
  shown.hidden = false;
  at("open-people").querySelector(".dot").hidden = false;
}

async function sit(button) {
  if (button.dataset.seat === seat) return drawer(false);
  await call("/chat/api/seat", { member_id: button.dataset.seat || null });
  turn += 1;
  seat = button.dataset.seat;
  stream?.close();
  stream = null;
  newest = 0; oldest = null; more = false;
  log.replaceChildren();
  count(0);
  at("newest").hidden = true;
  document.querySelector(".seat[aria-current]")?.removeAttribute("aria-current");
  button.setAttribute("aria-current", "true");
  button.querySelector(".badge").hidden = true;
  button.querySelector(".badge").textContent = "";
  at("open-people").querySelector(".dot").hidden = !document.querySelector(".seat .badge:not([hidden])");
  at("you").textContent = seat
    ? words.you_are.replace("{name}", button.dataset.name).replace("{role}", button.dataset.role) : words.motto;
  drawer(false);
  changeShop();
  await begin();
}

function drawer(open) {
  at("people").classList.toggle("open", open);
  at("veil").hidden = !open;
  if (open) at("people").querySelector(".seat[aria-current]")?.focus();
}

function besideFits() {
  return demo && matchMedia("(min-width: 1180px)").matches;
}

function openedBeside(url) {
  const target = new URL(url, location.href);
  if (!besideFits() || target.origin !== location.origin || !/^\/(r|shop)(\/|$)/.test(target.pathname)) return false;
  beside(target.href);
  return true;
}

// What leads back to the chat, such as an order that is to be followed, finds the shop as it was left.
function shopLeftOpen(url) {
  try {
    if (url === undefined) return sessionStorage.getItem("fenxiao:shop");
    if (url) sessionStorage.setItem("fenxiao:shop", url);
    else sessionStorage.removeItem("fenxiao:shop");
  } catch { /* a browser that keeps nothing opens the chat alone */ }
  return null;
}

// The shop belongs to whoever sits here: the code of another seat must not stay on it. Only an order that is being
// followed is left where it is.
function changeShop() {
  const frame = at("shop");
  if (!frame.src) return;
  let path = "";
  try {
    path = frame.contentWindow.location.pathname;
  } catch { /* another site's page */ }
  if (path.startsWith("/shop/orders/")) return;
  if (at("beside").hidden) frame.removeAttribute("src");
  else beside(SHOP);
}

function beside(url) {
  const stay = nearEnd();
  shopLeftOpen(url);
  at("beside").hidden = !url;
  at("toggle-shop").setAttribute("aria-pressed", String(Boolean(url)));
  if (url) at("shop").src = url;
  if (stay) toEnd();
}

if (demo) {
  for (const button of document.querySelectorAll(".seat")) button.addEventListener("click", () => sit(button));
  at("open-people").addEventListener("click", () => drawer(true));
  at("close-people").addEventListener("click", () => drawer(false));
  at("veil").addEventListener("click", () => drawer(false));
  document.addEventListener("keydown", (event) => event.key === "Escape" && drawer(false));
  at("toggle-shop").addEventListener("click", () => beside(at("beside").hidden ? at("shop").src || SHOP : ""));
  at("close-shop").addEventListener("click", () => beside(""));
  at("shop").addEventListener("load", () => {
    try {
      at("shop-alone").href = at("shop").contentWindow.location.href;
      if (!at("beside").hidden) shopLeftOpen(at("shop-alone").href);
    } catch { /* another site's page */ }
  });
  if (besideFits() && shopLeftOpen()) beside(shopLeftOpen());
}

begin();
