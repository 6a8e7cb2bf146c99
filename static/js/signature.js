// A field to draw a name in, and whether the end of a document came into view. Everything works
// without this file: the name is typed, and the end counts as not seen.
"use strict";

const end = document.querySelector("[data-end]");
if (end && "IntersectionObserver" in window) {
  new IntersectionObserver((entries, observer) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    end.elements.reached_end.value = "yes";
    observer.disconnect();
  }).observe(end);
}

const pad = document.querySelector("[data-pad]");
if (pad) {
  const canvas = pad.querySelector("canvas");
  const field = pad.closest("form").elements.drawing;
  const pen = canvas.getContext("2d");
  let last = null;

  pad.hidden = false;
  // White in dark mode too: the ink is black, as on paper. Drawing must not scroll the page.
  Object.assign(canvas.style, {
    width: "100%", border: "1px solid var(--edge)",
    borderRadius: "8px", touchAction: "none", cursor: "crosshair",
  });
  Object.assign(pen, { lineWidth: 4, lineCap: "round", lineJoin: "round", strokeStyle: "#000" });

  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [
      ((event.clientX - box.left) * canvas.width) / box.width,
      ((event.clientY - box.top) * canvas.height) / box.height,
    ];
  };
  const clear = () => {
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    field.value = "";
  };

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    last = place(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!last) return;
    const next = place(event);
    pen.beginPath();
    pen.moveTo(...last);
    pen.lineTo(...next);
    pen.stroke();
    last = next;
  });
  const stop = () => {
    if (!last) return;
    last = null;
    field.value = canvas.toDataURL("image/png");
  };
  canvas.addEventListener("pointerup", stop);
  canvas.addEventListener("pointercancel", stop);
  pad.querySelector("[data-clear]").addEventListener("click", clear);
  // What an earlier answer brought back was not drawn here.
  clear();
}
