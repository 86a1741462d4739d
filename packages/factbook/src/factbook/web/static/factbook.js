// What pages do beyond showing: the reader's own times and numbers, moments to look at, and the search by keyboard. Without it every page still works.
"use strict";

const dates = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const numbers = new Intl.NumberFormat();

function speakLocally(root) {
  for (const element of root.querySelectorAll("time[datetime]")) element.textContent = dates.format(new Date(element.dateTime));
  for (const element of root.querySelectorAll("data.number")) {
    const value = Number(element.value);
    if (Number.isSafeInteger(value)) element.textContent = numbers.format(value);
  }
}

function walkHits(event, step) {
  const hits = [...document.querySelectorAll("#hits a")];
  if (!hits.length) return;
  const next = hits.indexOf(document.activeElement) + step;
  (hits[next] ?? document.getElementById("search")).focus();
  event.preventDefault();
}

// How many were found is said once they stand there; the list itself is read by whoever walks it.
function tellHits() {
  const told = document.getElementById("told");
  if (told) told.textContent = document.querySelector("#hits [data-told]")?.textContent ?? "";
}

// Moments are chosen in the reader's own zone: a form sends the moment itself, and a day begins where the reader is.
function chooseLocally() {
  const exact = document.getElementById("exact");
  if (!exact) return;
  const pad = (number) => String(number).padStart(2, "0");
  if (exact.dataset.at) {
    const at = new Date(exact.dataset.at);
    exact.value = `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}T${pad(at.getHours())}:${pad(at.getMinutes())}`;
  }
  exact.form.querySelector(".zone").textContent = `(${Intl.DateTimeFormat().resolvedOptions().timeZone})`;
  exact.form.addEventListener("formdata", (event) => event.formData.set("as_of", new Date(exact.value).toISOString()));
  for (const button of document.querySelectorAll("button[data-day]")) button.value = new Date(new Date().setHours(0, 0, 0, 0)).toISOString();
}

function closeMoments(panel) {
  panel.open = false;
  panel.querySelector("summary").focus();
}

// On a phone the places and the parts of a page lie in a row that scrolls: the one that is open is in sight.
function showWhere() {
  for (const row of document.querySelectorAll(".places, .tabs")) {
    const here = row.querySelector("[aria-current]");
    if (here) row.scrollLeft += here.getBoundingClientRect().left - row.getBoundingClientRect().left - 48;
  }
}

document.addEventListener("DOMContentLoaded", () => {
  showWhere();
  speakLocally(document);
  chooseLocally();
});
document.addEventListener("click", (event) => {
  const panel = document.querySelector("details.moments[open]");
  if (panel && !panel.contains(event.target)) panel.open = false;
});
document.addEventListener("htmx:after:swap", () => {
  speakLocally(document);
  tellHits();
});
document.addEventListener("keydown", (event) => {
  const search = document.getElementById("search");
  const isTyping = event.target.matches("input, textarea, select");
  if (event.key === "/" && !isTyping && search) {
    search.focus();
    event.preventDefault();
  } else if (event.key === "Escape" && event.target.closest("details.moments[open]")) {
    closeMoments(event.target.closest("details.moments"));
  } else if (event.target.closest(".finder")) {
    if (event.key === "ArrowDown") walkHits(event, 1);
    if (event.key === "ArrowUp") walkHits(event, -1);
    if (event.key === "Escape") {
      document.getElementById("hits").replaceChildren();
      search.focus();
    }
  }
});
