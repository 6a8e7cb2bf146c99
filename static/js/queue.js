// Keys for the work queue: j and k move from row to row, Enter opens, c claims. Off until switched
// on, for a single key must not surprise those who dictate. Everything works without this file.
"use strict";

const box = document.getElementById("keys");
const rows = [...document.querySelectorAll("[data-row]")];
const KEPT = "queue.keys";

box.closest("[hidden]").hidden = false;
box.checked = localStorage.getItem(KEPT) === "on";
box.addEventListener("change", () => localStorage.setItem(KEPT, box.checked ? "on" : "off"));

const here = () => rows.findIndex((row) => row.contains(document.activeElement));
const go = (index) => rows[index]?.querySelector("a")?.focus();

addEventListener("keydown", (event) => {
  const typing = event.target.closest("input:not([type=checkbox]), select, textarea");
  if (!box.checked || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "j") go(Math.min(here() + 1, rows.length - 1));
  if (event.key === "k") go(Math.max(here() - 1, 0));
  if (event.key === "c") rows[here()]?.querySelector("[data-claim]")?.click();
});
