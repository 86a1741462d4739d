// Copies the text of the element that a button names, and says so. Without this script the buttons are not there.
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

document.addEventListener("DOMContentLoaded", () => {
  for (const button of document.querySelectorAll("button[data-copy]")) button.hidden = false;
});
document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  const done = await copied(document.getElementById(button.dataset.copy).textContent);
  button.focus();
  const said = document.getElementById("copied");
  said.textContent = "";
  requestAnimationFrame(() => {
    said.textContent = done ? "Copied." : "The browser does not allow copying: select the text and copy it.";
  });
});
