// What pages do beyond links and forms; without it they lack nothing but comfort.
"use strict";

for (const button of document.querySelectorAll("button[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

// "/" goes to the first field of the page, as people are used to.
document.addEventListener("keydown", (event) => {
  const writing = event.target.closest("input, select, textarea");
  if (event.key !== "/" || writing || event.ctrlKey || event.metaKey || event.altKey) return;
  const field = document.querySelector("main form input:not([type=hidden])");
  if (field) {
    event.preventDefault();
    field.focus();
  }
});

// A field that is at fault is where somebody wants to go on.
document.querySelector("[aria-invalid=true]")?.focus();
