// Copies a text that stands in a button, or that of the element it names, and says so. Without this script the buttons are not there.
"use strict";

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Without TLS browsers give no clipboard; what is selected can be copied all the same.
    const field = document.createElement("textarea");
    field.value = text;
    field.className = "hidden";
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}

function textOf(button) {
  if (button.dataset.copyOf) return document.getElementById(button.dataset.copyOf).textContent;
  const text = button.dataset.copy;
  return text.startsWith("/") ? new URL(text, location).href : text;
}

function offerCopies() {
  for (const button of document.querySelectorAll("button[data-copy], button[data-copy-of]")) button.hidden = false;
}

document.addEventListener("DOMContentLoaded", offerCopies);
document.addEventListener("htmx:after:swap", offerCopies);
document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy], button[data-copy-of]");
  if (!button) return;
  const done = await copied(textOf(button));
  button.focus();
  const label = button.textContent;
  button.textContent = done ? "Copied" : "Not copied";
  setTimeout(() => (button.textContent = label), 1500);
  document.getElementById("told").textContent = done ? "Copied." : "The browser does not allow copying: select the text and copy it.";
});
