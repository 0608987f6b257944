// How messages look: their text, pictures and buttons. Everything that comes from people is put into the page as text,
// never as markup. chat.js, loaded after this, says and hears them.
"use strict";

const page = document.body;
const words = JSON.parse(page.dataset.words);
const COPIED_MS = 1800;

function make(tag, name, text) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
}

const SPECIAL = /https?:\/\/[^\s<>"'，。；！？）】」』]+|[▓░]{4,}/g;  // addresses to open, bars to draw

// Lines of a list that lead somewhere are buttons themselves; returns those that found their line.
function fill(bubble, text, isScreen, listed = [], message = null) {
  const used = new Set();
  if (listed.some((button, place) => text.match(numbered(place + 1)))) {
    for (const [place, block] of blocks(text, listed.length)) {
      if (place === null) {
        if (block) fill(bubble.appendChild(make("span", "words")), block, isScreen && !used.size);
        continue;
      }
      bubble.append(entry(block, listed[place], message));
      used.add(listed[place]);
    }
    bubble.classList.add("list");
    return used;
  }
  const lines = text.split("\n");
  if (isScreen && lines.length > 1 && lines[0].length <= 48) {
    fillPlain(bubble.appendChild(make("b")), lines.shift());
    bubble.append("\n");
  }
  fillPlain(bubble, lines.join("\n"));
  return used;
}

function numbered(number) {
  return new RegExp(`^${number}\\. `, "m");
}

// Cut a text into its numbered lines, 1 to `most` in order, and what stands between them: [place or null, text].
function blocks(text, most) {
  const found = [];
  let between = [], next = 1;
  for (const line of text.split("\n")) {
    if (next <= most && line.startsWith(`${next}. `)) {
      found.push([null, between.join("\n").trim()], [next - 1, line]);
      between = [];
      next += 1;
    } else {
      between.push(line);
    }
  }
  return [...found, [null, between.join("\n").trim()]];
}

function entry(line, button, message) {
  const made = make("button", "entry");
  made.type = "button";
  const [number, ...rest] = line.split(". ");
  const [name, ...more] = rest.join(". ").split(/\u3000| · /);
  made.append(make("span", "number", number));
  const both = made.appendChild(make("span", "both"));
  both.append(make("span", "name", name));
  if (more.length) both.append(make("small", "", more.join(" · ")));
  made.addEventListener("click", () => say({ action: button.action, message: message.id }, button.label));
  return made;
}

function fillPlain(into, text) {
  let done = 0;
  for (const found of text.matchAll(SPECIAL)) {
    into.append(text.slice(done, found.index));
    into.append(found[0].startsWith("http") ? link(found[0], found[0]) : bar(found[0]));
    done = found.index + found[0].length;
  }
  into.append(text.slice(done));
}

function bar(drawn) {
  const made = make("progress");
  made.max = drawn.length;
  made.value = drawn.replaceAll("░", "").length;
  return made;
}

function link(url, label) {
  const made = make("a", "", label);
  made.href = url;
  made.target = "_blank";
  made.rel = "noopener noreferrer";
  made.addEventListener("click", (event) => openedBeside(url) && event.preventDefault());
  return made;
}

function clock(when) {
  return when.toLocaleTimeString(page.dataset.locale, { hour: "2-digit", minute: "2-digit", hour12: false });
}

function dayName(when) {
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(when).setHours(0, 0, 0, 0)) / 86400000);
  if (days === 0) return words.today;
  if (days === 1) return words.yesterday;
  return when.toLocaleDateString(page.dataset.locale, { month: "long", day: "numeric" });
}

function build(message) {
  const item = make("li", message.mine ? "message mine" : "message ours");
  item.dataset.id = message.id;
  item.dataset.at = message.at;
  const screen = message.rows.length > 0;
  const body = item.appendChild(make("div", "body"));
  if (message.picture) body.append(picture(message));
  const listed = message.rows.flat().filter((button) => button.listed && button.action);
  const used = message.text
    ? fill(body.appendChild(make("div", "bubble")), message.text, screen, listed, message) : new Set();
  const rows = make("div", "rows");
  for (const row of message.rows) {
    const left = row.filter((button) => !used.has(button));
    if (left.length) rows.appendChild(make("div", "row")).append(...left.map((button) => press(button, message)));
  }
  if (rows.children.length) body.append(rows);
  const time = item.appendChild(make("time", "", clock(new Date(message.at))));
  time.dateTime = message.at;
  return item;
}

function picture(message) {
  const frame = make("button", `picture ${message.shape}`);
  frame.type = "button";
  frame.setAttribute("aria-label", words.enlarge);
  const image = frame.appendChild(make("img"));
  image.alt = message.text.split("\n")[0] || words.picture;
  image.loading = "lazy";
  image.decoding = "async";
  image.addEventListener("load", () => frame.classList.add("there"));
  image.addEventListener("error", () => frame.classList.add("gone"));
  image.src = message.picture;
  frame.addEventListener("click", () => enlarge(image));
  return frame;
}

function press(button, message) {
  if (button.url) {
    const made = link(button.url, button.label);
    made.className = "choice";
    return made;
  }
  const made = make("button", "choice", button.label);
  made.type = "button";
  if (button.copy) made.addEventListener("click", () => copy(made, button));
  else made.addEventListener("click", () => say({ action: button.action, message: message.id }, button.label));
  return made;
}

async function copy(made, button) {
  let done = true;
  try {
    await navigator.clipboard.writeText(button.copy);
  } catch {
    const area = document.body.appendChild(make("textarea", "hidden"));
    area.value = button.copy;
    area.select();
    done = document.execCommand("copy");
    area.remove();
    made.focus();
  }
  made.textContent = done ? words.copied : words.copy_failed;
  made.classList.toggle("done", done);
  setTimeout(() => {
    made.textContent = button.label;
    made.classList.remove("done");
  }, COPIED_MS);
}
