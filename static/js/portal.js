// What HTML cannot do by itself: focus the error summary after a swap, ignore a second tap on a
// form that is on its way, register the offline page. Everything works without this file.
"use strict";

const worker = document.currentScript.dataset.worker;
if (worker && "serviceWorker" in navigator) {
  addEventListener("load", () => navigator.serviceWorker.register(worker).catch(() => {}));
}

const focusErrors = (root) => root.querySelector("[data-focus]")?.focus();
focusErrors(document);
addEventListener("htmx:afterSettle", (event) => focusErrors(event.target));

const release = (form) => {
  delete form.dataset.sent;
  form.querySelectorAll("[aria-busy]").forEach((button) => button.removeAttribute("aria-busy"));
};

addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "yes";
  event.submitter?.setAttribute("aria-busy", "true");
});

// A page that comes back from the browser's cache may be sent again.
addEventListener("pageshow", () => document.querySelectorAll("[data-sent]").forEach(release));
