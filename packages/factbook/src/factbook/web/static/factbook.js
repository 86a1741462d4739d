// What pages do beyond showing: the reader's own times and numbers, and the search by keyboard. Without it every page still works.
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

document.addEventListener("DOMContentLoaded", () => speakLocally(document));
document.addEventListener("htmx:after:swap", tellHits);
document.addEventListener("htmx:after:swap", () => speakLocally(document));
document.addEventListener("keydown", (event) => {
  const search = document.getElementById("search");
  const isTyping = event.target.matches("input, textarea, select");
  if (event.key === "/" && !isTyping && search) {
    search.focus();
    event.preventDefault();
  } else if (event.target.closest(".finder")) {
    if (event.key === "ArrowDown") walkHits(event, 1);
    if (event.key === "ArrowUp") walkHits(event, -1);
    if (event.key === "Escape") {
      document.getElementById("hits").replaceChildren();
      search.focus();
    }
  }
});
